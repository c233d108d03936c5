"""`python -m truckstream` is the same as `truckstream`."""

from truckstream.cli.main import main

main()
