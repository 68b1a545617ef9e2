package store

import "github.com/hashicorp/raft"

// bbolt never splits a leaf of up to four values, however large: appending an entry of 256 KiB rewrites four or five of
// them. An entry is therefore stored as pieces, under indexes of raft-boltdb's of their own: the entry's index in the
// upper bits, the piece's number in the lower ones. The first piece has all of the entry but most of its data.
const (
	pieceBits = 16
	// pieceSize is how many bytes of data a piece has at most. With its frame it stays below 16 KiB: what it is encoded in doubles as
	// it grows, and a leaf of two fits its pages. Readers take pieces of any size.
	pieceSize = 16<<10 - 256

	// maxLogIndex is the largest index of an entry.
	maxLogIndex = 1<<(64-pieceBits) - 1
)

// pieceIndex is the index of an entry's first piece.
func pieceIndex(index uint64) uint64 { return index << pieceBits }

// lastPieceIndex is the largest index that an entry's piece can have.
func lastPieceIndex(index uint64) uint64 { return index<<pieceBits | (1<<pieceBits - 1) }

// appendPieces cuts a sealed entry into pieces. They share its data.
func appendPieces(pieces []raft.Log, sealed raft.Log) []raft.Log {
	data := sealed.Data
	sealed.Index = pieceIndex(sealed.Index)
	for n := min(pieceSize, len(data)); ; n = min(pieceSize, len(data)) {
		sealed.Data, data = data[:n], data[n:]
		pieces = append(pieces, sealed)
		if len(data) == 0 {
			return pieces
		}
		sealed = raft.Log{Index: sealed.Index + 1}
	}
}
