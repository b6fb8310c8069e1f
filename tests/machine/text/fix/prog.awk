BEGIN { x = 1 }
{ s += $1 }
END { print s, x }
