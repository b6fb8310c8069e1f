Hello $NAME and ${OTHER}!
$UNSET.
