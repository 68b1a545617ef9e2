package writeback

import "os"

// step is how much is handed to the disk at a time. About twice as much may lie in memory.
const step = 1 << 20

// Writer writes a file from where it is on. It isn't for concurrent use, and doesn't close the file.
type Writer struct {
	file  *os.File
	at    int64 // where the next byte goes
	begun int64 // up to where the disk has been told to write
}

// New returns a Writer for a file that is written from a place on, 0 mostly, and by nobody else.
func New(file *os.File, at int64) *Writer { return &Writer{file: file, at: at, begun: at} }

// Write writes, and waits for the disk when it is behind.
func (w *Writer) Write(b []byte) (int, error) {
	n, err := w.file.Write(b)
	w.at += int64(n)
	if err != nil || w.at-w.begun < step {
		return n, err
	}
	begun := w.begun
	w.begun = w.at
	return n, flush(w.file, max(begun-step, 0), begun, w.at)
}
