"""One module a scenario; `registry` lists them."""
