"""What people look at: the values of a plan and of a run, and their renderings."""
