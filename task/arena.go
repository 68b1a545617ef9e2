package task

import (
	"encoding/binary"
	"math/bits"
)

// ref names bytes in an arena: class, chunk and item. 0 is none.
type ref uint64

const (
	refItemBits  = 20
	refChunkBits = 32
)

func makeRef(class int, chunk, item uint32) ref {
	return ref(class+1)<<(refChunkBits+refItemBits) | ref(chunk)<<refItemBits | ref(item)
}

func (f ref) split() (class int, chunk, item uint32) {
	return int(f>>(refChunkBits+refItemBits)) - 1, uint32(f >> refItemBits), uint32(f) & (1<<refItemBits - 1)
}

// arena keeps many small byte strings in few large blocks, by size classes, so that the garbage collector sees the
// blocks only. A block is given back when nothing is left in it.
type arena struct {
	classes [arenaClasses]arenaClass
}

const (
	arenaFine    = 16 // classes of 16, 32 … 256 bytes, then eight for each doubling
	arenaClasses = arenaFine + 8*13
	arenaBlock   = 64 << 10
)

type arenaClass struct {
	chunks  []arenaChunk
	partial []uint32 // chunks that may have room; the last one is tried first
	vacant  []uint32 // chunks whose block was given back
}

type arenaChunk struct {
	block   []byte
	free    uint32 // item plus one; the list goes through the items' first four bytes
	fresh   uint32 // items from here on have never been used
	used    uint32
	partial bool
}

// classOf returns the smallest class whose items hold n bytes (1 to 2 MiB).
func classOf(n int) int {
	if n <= 256 {
		return (n+15)/16 - 1
	}
	shift := bits.Len(uint(n-1)) - 4 // the top four bits of n-1 pick the class
	return arenaFine + (shift-5)*8 + (n-1)>>shift - 8
}

func classSize(class int) int {
	if class < arenaFine {
		return (class + 1) * 16
	}
	c := class - arenaFine
	return (c%8 + 9) << (c/8 + 5)
}

// put copies v, of 1 byte to 2 MiB, and returns where it is.
func (a *arena) put(v []byte) ref {
	f, b := a.alloc(len(v))
	copy(b, v)
	return f
}

func (a *arena) alloc(n int) (ref, []byte) {
	class := classOf(n)
	size := classSize(class)
	c := &a.classes[class]
	for len(c.partial) > 0 {
		k := c.partial[len(c.partial)-1]
		ch := &c.chunks[k]
		if item, ok := ch.take(size); ok {
			return makeRef(class, k, item), ch.block[int(item)*size:][:n]
		}
		ch.partial = false
		c.partial = c.partial[:len(c.partial)-1]
	}
	k := c.grow(size)
	ch := &c.chunks[k]
	item, _ := ch.take(size)
	return makeRef(class, k, item), ch.block[int(item)*size:][:n]
}

// grow adds a chunk with room.
func (c *arenaClass) grow(size int) uint32 {
	var k uint32
	if n := len(c.vacant); n > 0 {
		k, c.vacant = c.vacant[n-1], c.vacant[:n-1]
	} else {
		k = uint32(len(c.chunks))
		c.chunks = append(c.chunks, arenaChunk{})
	}
	c.chunks[k] = arenaChunk{block: make([]byte, max(arenaBlock/size, 1)*size), partial: true}
	c.partial = append(c.partial, k)
	return k
}

func (ch *arenaChunk) take(size int) (uint32, bool) {
	if ch.free != 0 {
		item := ch.free - 1
		ch.free = binary.LittleEndian.Uint32(ch.block[int(item)*size:])
		ch.used++
		return item, true
	}
	if item := ch.fresh; (int(item)+1)*size <= len(ch.block) {
		ch.fresh++
		ch.used++
		return item, true
	}
	return 0, false
}

// get returns the first n bytes behind f, valid until it is released.
func (a *arena) get(f ref, n int) []byte {
	class, k, item := f.split()
	size := classSize(class)
	return a.classes[class].chunks[k].block[int(item)*size:][:n:n]
}

func (a *arena) release(f ref) {
	class, k, item := f.split()
	size := classSize(class)
	c := &a.classes[class]
	ch := &c.chunks[k]
	binary.LittleEndian.PutUint32(ch.block[int(item)*size:], ch.free)
	ch.free = item + 1
	ch.used--
	if ch.used == 0 && len(c.partial) > 1 {
		c.drop(k)
		return
	}
	if !ch.partial {
		ch.partial = true
		c.partial = append(c.partial, k)
	}
}

// drop gives an unused chunk's block back. The class has another chunk on its list, so that a single item that comes
// and goes doesn't allocate each time.
func (c *arenaClass) drop(k uint32) {
	if c.chunks[k].partial {
		for i, p := range c.partial {
			if p == k {
				c.partial = append(c.partial[:i], c.partial[i+1:]...)
				break
			}
		}
	}
	c.chunks[k] = arenaChunk{}
	c.vacant = append(c.vacant, k)
}

// size is the number of bytes of the item behind f, at least what was put.
func (a *arena) size(f ref) int {
	class, _, _ := f.split()
	return classSize(class)
}
