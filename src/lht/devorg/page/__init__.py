"""The page at ``/devorg``: a browser's view of a running org.

Made on the server, without scripts; for browsers on the same machine only. ``markup``
builds HTML in which texts are escaped because they are texts, ``frame`` is what all
views have around them, ``guard`` says who may look and change, ``routes`` lists the
views.
"""
