s/foo/bar/
/hello/p
