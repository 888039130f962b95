"""`python -m ndefender` is the command line."""

from ndefender.cli.main import main

if __name__ == "__main__":
    main()
