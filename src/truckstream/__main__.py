"""`python -m truckstream` is the same as `truckstream`."""

from truckstream.cli.entry import main

main()
