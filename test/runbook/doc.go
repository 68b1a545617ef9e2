// Package runbook executes the operator's runbook: every block of commands of docs/runbook, against a real group of servers
// with real workers, and holds what they print against what the page says.
//
// A page is Markdown with these parts:
//
//	```console
//	$ rowlock dlq list --queue mail
//	ID     QUEUE   KIND   STATE         WHAT
//	<ID>   mail    send   dead_letter   failed: <text>
//	```
//	<!-- check: rowlock task get $ID -o json | jq -e '.state == "dead_letter"' -->
//
// A line that begins with "$ " is a command for bash; one that ends with a backslash goes on in the next. The lines after it
// are what it prints, on stdout and stderr together; how much white space is between words doesn't matter. <time>, <duration>,
// <n>, <size>, <grade>, <percent>, <id>, <word> and <text> stand for what differs from run to run. A name in capitals, such as <ID>,
// stands for a word, which later commands find in the variable of that name, and which is the same wherever the name comes
// again. A line with nothing but … stands for any lines.
//
// Every block needs output and, behind it, at least one check: a command that must succeed within some seconds. A command that is
// meant to fail is followed by <!-- exit: 4 -->, one whose end depends on the machine by <!-- exit: any -->. <!-- setup: … --> makes what the page is about, unseen by its reader. It, and
// checks, may use await COMMAND, member start|stop|kill|wipe N, member start
// all, which forms a group of empty ones, and worker start|stop|kill|wait NAME [FLAGS].
//
// The names and paths of the pages are those of an installation; the test puts its own in their place: rowlock-0.rowlock:7300
// (7301, 7302) and so on, /var/lib/rowlock, which is the data directory of rowlock-0 (/var/lib/rowlock-1 and so on are the others'),
// and /var/backups/rowlock.
//
// The guides of docs/guides are executed too, more simply: see guides_test.go.
//
// Only lines that begin with "$ kubectl" are not executed. Their number is known to the test.
package runbook
