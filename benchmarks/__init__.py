"""What a sync costs, measured beside what cannot be avoided: ``make bench``."""
