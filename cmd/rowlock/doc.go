// Command rowlock is the whole of Rowlock in one binary: the server, the worker, and the tools of producers and
// operators.
//
// Each command has a file of its own, named after it. Around them:
//
//   - program.go boots the program as a value: Main is what main and the tests call;
//   - settings.go is the one place where flag, environment, config file and default meet;
//   - exit.go is the one place where an error becomes a line on stderr and an exit code;
//   - package render turns answers into tables, JSON and YAML.
//
// Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found, 4 refused, 5 unavailable or too late.
package main
