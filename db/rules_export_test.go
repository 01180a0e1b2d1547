package db

// BrokenRules is brokenRules within a transaction of the caller's.
var BrokenRules = brokenRules
