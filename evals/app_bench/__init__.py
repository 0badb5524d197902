"""Reviewers at work in the web app, without browsers: how many at once, how long each waits on the server."""
