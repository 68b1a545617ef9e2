// Recovery measures what a backup costs and how long a restore takes, with real servers.
//
//	go run ./bench/recovery -rowlock bin/rowlock -tasks 1000000 [-o json]
//
// One server gets the tasks, 200 bytes each. Its peak is what 64 callers of Enqueue, one task each, reach; half of that is then
// offered at a steady rate, each call at its time whether or not those before it have been answered: in turns for a while
// without and for a while with backups being saved one after the other (-rounds), so that both see the same machine. What is compared
// are the acknowledged tasks per second and the 99th percentile of the acknowledgements. -backup-rate 0 shows what backups cost that
// aren't paced, and -nice 19 what is left where their client takes no processor from the server, as one of another machine.
//
// Then the load ends, and a backup is saved, restored into a new data directory, and served: to the first acknowledged task. And
// the same backup is restored into the running server.
package main
