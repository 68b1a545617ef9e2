package filter

import (
	"testing"

	"github.com/rowlock/rowlock/task"
)

// TestNormalize has texts as programs in Go, Python and Java write them.
func TestNormalize(t *testing.T) {
	for text, want := range map[string]string{
		// Go
		`dial tcp 10.0.0.7:5432: connect: connection refused`: `dial tcp <n>: connect: connection refused`,
		`dial tcp [fe80::1%eth0]:443: i/o timeout`:            `dial tcp [fe#::<n>eth#]:<n>: i/o timeout`,
		`Get "https://api.example.com/v1/users/42": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`: `Get <text>: context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
		`open /var/spool/mail/8412.eml: no such file or directory`:                                                              `open <path>: no such file or directory`,
		`strconv.Atoi: parsing "12x": invalid syntax`:                                                                           `strconv.Atoi: parsing <text>: invalid syntax`,
		`runtime error: index out of range [5] with length 3`:                                                                   `runtime error: index out of range [<n>] with length <n>`,
		"panic: boom\n\ngoroutine 17 [running]:\nmain.send(0xc000012345)\n\t/src/mail/send.go:42 +0x1d":                         `panic: boom goroutine <n> [running]: main.send(<id>) <path> +<id>`,
		`attempt timed out after 30.000 s`:                                                                                      `attempt timed out after <n> s`,
		`rpc error: code = Unavailable desc = error reading from server: EOF`:                                                   `rpc error: code = Unavailable desc = error reading from server: EOF`,
		`user 6f9619ff-8b86-d011-b42d-00cf4fc964ff is locked`:                                                                   `user <id> is locked`,
		`commit 92905ed1f4 not found in refs`:                                                                                   `commit <id> not found in refs`,
		// Python
		"Traceback (most recent call last):\n  File \"/app/worker.py\", line 88, in run\n    send(msg)\nKeyError: 'customer_17'":                                                                                                                    `Traceback (most recent call last): File <text>, line <n>, in run send(msg) KeyError: <text>`,
		`requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded with url: /v1/x?id=9 (Caused by NewConnectionError('<urllib3.connection.HTTPSConnection object at 0x7f3c2a1b>: Failed'))`: `requests.exceptions.ConnectionError: HTTPSConnectionPool(host=<text>, port=<n>): Max retries exceeded with url: <path> (Caused by NewConnectionError(<text>))`,
		`ValueError: invalid literal for int() with base 10: 'abc'`: `ValueError: invalid literal for int() with base <n>: <text>`,
		`psycopg2.errors.UniqueViolation: duplicate key value violates unique constraint "users_email_key" DETAIL: Key (email)=(ada@example.com) already exists.`: `psycopg#.errors.UniqueViolation: duplicate key value violates unique constraint <text> DETAIL: Key (email)=(ada@example.com) already exists.`,
		// Java
		`java.lang.NullPointerException: Cannot invoke "String.length()" because "<local1>" is null`:                                                                                                        `java.lang.NullPointerException: Cannot invoke <text> because <text> is null`,
		"java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30001ms.\n\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:197)": `java.sql.SQLTransientConnectionException: HikariPool-<n> - Connection is not available, request timed out after <n>. at com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:<n>)`,
		`com.example.OrderException: Order ORD20260114X77 of tenant_12 failed at 2026-01-14T10:11:12.345Z`:                                                                                                  `com.example.OrderException: Order <id> of tenant_# failed at <n>`,
		// and what isn't to be masked
		`can't connect, didn't answer`:   `can't connect, didn't answer`,
		`it's the server's fault`:        `it's the server's fault`,
		`and/or a/b`:                     `and/or a/b`,
		`C:\Users\ada\x.txt is missing`:  `<path> is missing`,
		`  spaces   and` + "\n\ttabs ":   `spaces and tabs`,
		`disk is 93.5% full, 12 GB left`: `disk is <n> full, <n> GB left`,
		`Müller's "Straße" 7`:            `Müller's <text> <n>`,
		``:                               ``,
	} {
		if got := Normalize(text); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

// TestFingerprint: errors of one kind meet, and those of two don't.
func TestFingerprint(t *testing.T) {
	same := [][2]string{
		{"dial tcp 10.0.0.7:5432: i/o timeout", "dial tcp 192.168.1.1:80: i/o timeout"},
		{`no user "ada"`, `no user "bob smith"`},
		{"task 000000000001A: gone", "task 00000000ZZ9PQ: gone"},
		{"took 1.5s", "took 350ms"},
	}
	for _, x := range same {
		if PrintOf(x[0]) != PrintOf(x[1]) {
			t.Errorf("%q and %q differ: %q, %q", x[0], x[1], Normalize(x[0]), Normalize(x[1]))
		}
	}
	if PrintOf("connection refused") == PrintOf("connection reset") {
		t.Error("two errors have one fingerprint")
	}
	p := PrintOf("connection refused")
	if again, err := ParsePrint(p.String()); err != nil || again != p || len(p.String()) != 16 {
		t.Errorf("%s: %s %v", p, again, err)
	}
	for _, bad := range []string{"", "12", "x123456789abcdef", "0123456789abcdef0"} {
		if _, err := ParsePrint(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	expired := &task.Task{State: task.DeadLetter, Reason: task.ReasonExpired}
	if Fingerprint(expired) != PrintOf("expired") {
		t.Error("a task that never failed hasn't the fingerprint of its reason")
	}
}

// FuzzNormalize: no text makes it panic or grow beyond what its masks can add.
func FuzzNormalize(f *testing.F) {
	for _, text := range []string{`dial "x" /a/b 12.5`, `'`, `\\\\a`, "a://b", "0x", "\xff\xfe1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := Normalize(text); len(got) > 6*len(text) {
			t.Errorf("%d bytes of %d", len(got), len(text))
		}
	})
}

func BenchmarkFingerprint(b *testing.B) {
	x := dead()
	b.ReportAllocs()
	for b.Loop() {
		Fingerprint(x)
	}
}
