"""`python -m fanout`."""

from fanout.main import main

if __name__ == "__main__":
    main()
