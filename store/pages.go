package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
)

// What bbolt writes, in the byte order of the machine: a page is header (id 8, flags 2, count 2, overflow 4), element
// array, then the keys and values in the elements' order without gaps.
const (
	pageHeader    = 16
	pageElement   = 16
	pageBranch    = 0x01
	pageLeaf      = 0x02
	pageFreelist  = 0x10
	elementBucket = 0x01 // flag of a leaf element: the value is a bucket
	bucketHeader  = 16   // root page 8, sequence 8

	metaMagic    = 0xED0CDAED
	metaVersion  = 2
	metaChecksum = 56 // offset of the checksum in the meta
	metaSize     = 64
	noFreelist   = ^uint64(0)

	maxPageSize = 64 << 10
	maxDepth    = 48
)

var native = binary.NativeEndian

// pageVisitor is told of what a walk finds: each bucket, and then its keys in order.
type pageVisitor interface {
	// bucket returns how many bytes of its values leaf wants to see.
	bucket(name string) (head int, err error)
	// leaf gets a key with the size of its value and the value's first bytes. They are valid during the call.
	leaf(bucket string, key, head []byte, size int) error
}

// checkPages walks all pages of a bbolt file by reading it, and returns ErrCorrupt unless it is just what bbolt writes.
//
// bbolt itself trusts its pages: a damaged one makes it panic, also on a goroutine of its own where nobody can recover,
// or read the wrong key. A page that passes has the right ID and kind, elements packed without a gap and pages of just
// their size, keys in order and in the range that its parent gives, and one parent; so that a flipped bit anywhere but
// in values and keys, which have checksums of their own, shows. v may be nil.
func checkPages(path string, v pageVisitor) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	defer f.Close()
	c := pageChecker{file: f, visitor: v}
	if err := c.check(); err != nil {
		var pe *fs.PathError
		if errors.Is(err, ErrCorrupt) || errors.As(err, &pe) {
			return fmt.Errorf("%s: %w", path, err)
		}
		return err
	}
	return nil
}

type pageChecker struct {
	file     *os.File
	visitor  pageVisitor
	pageSize int
	end      uint64 // the first page that isn't in use
	seen     []uint64
	buffers  [maxDepth][]byte

	// lost is told of what can't be read of a bucket, and the walk goes on with the rest; nil: the walk ends there.
	lost func(bucket string, err error)
}

// meta is what is needed of a meta page.
type meta struct {
	pageSize uint32
	root     uint64
	freelist uint64
	end      uint64
	txid     uint64
}

func badPage(id uint64, format string, args ...any) error {
	return fmt.Errorf("%w: page %d: %s", ErrCorrupt, id, fmt.Sprintf(format, args...))
}

func (c *pageChecker) check() error {
	info, err := c.file.Stat()
	if err != nil {
		return err
	}
	m, err := c.readMeta(info.Size())
	if err != nil {
		return err
	}
	c.pageSize, c.end = int(m.pageSize), m.end
	if m.end > uint64(info.Size())/uint64(c.pageSize) {
		return fmt.Errorf("%w: the file is cut short: it has %d bytes and needs %d pages of %d", ErrCorrupt, info.Size(), m.end, c.pageSize)
	}
	c.seen = make([]uint64, m.end/64+1)
	c.seen[0] = 3 // the meta pages
	if err := c.walk(pageRef{id: m.root, root: true}); err != nil {
		return err
	}
	if m.freelist != noFreelist {
		return c.checkFreelist(m.freelist)
	}
	return nil
}

// readMeta chooses the meta page as bbolt does: the younger of the valid ones.
func (c *pageChecker) readMeta(size int64) (meta, error) {
	var best meta
	found := false
	first, ok := c.metaAt(0, size)
	if ok {
		best, found = first, true
	}
	sizes := []int64{int64(first.pageSize)}
	if !ok {
		sizes = sizes[:0]
		for n := int64(1024); n <= maxPageSize; n *= 2 {
			sizes = append(sizes, n)
		}
	}
	for _, at := range sizes {
		m, ok := c.metaAt(at, size)
		if ok && int64(m.pageSize) == at && (!found || m.txid > best.txid) {
			best, found = m, true
		}
	}
	if !found {
		return meta{}, fmt.Errorf("%w: not a bbolt file, or both of its meta pages are damaged", ErrCorrupt)
	}
	return best, nil
}

func (c *pageChecker) metaAt(at, size int64) (meta, bool) {
	var b [pageHeader + metaSize]byte
	if at+int64(len(b)) > size {
		return meta{}, false
	}
	if _, err := c.file.ReadAt(b[:], at); err != nil {
		return meta{}, false
	}
	v := b[pageHeader:]
	sum := fnv.New64a()
	_, _ = sum.Write(v[:metaChecksum])
	m := meta{
		pageSize: native.Uint32(v[8:]),
		root:     native.Uint64(v[16:]),
		freelist: native.Uint64(v[32:]),
		end:      native.Uint64(v[40:]),
		txid:     native.Uint64(v[48:]),
	}
	ok := native.Uint32(v) == metaMagic && native.Uint32(v[4:]) == metaVersion && native.Uint64(v[metaChecksum:]) == sum.Sum64() &&
		m.pageSize >= 1024 && m.pageSize <= maxPageSize && m.pageSize&(m.pageSize-1) == 0
	return m, ok
}

// take marks pages as referenced.
func (c *pageChecker) take(id, count uint64) error {
	if id < 2 || id >= c.end || count > c.end-id {
		return badPage(id, "out of bounds")
	}
	for p := id; p < id+count; p++ {
		if c.seen[p/64]&(1<<(p%64)) != 0 {
			return badPage(p, "referenced twice")
		}
		c.seen[p/64] |= 1 << (p % 64)
	}
	return nil
}

// read fills b from a page's offset on.
func (c *pageChecker) read(b []byte, id uint64, offset int) error {
	_, err := c.file.ReadAt(b, int64(id)*int64(c.pageSize)+int64(offset))
	if errors.Is(err, io.EOF) {
		return badPage(id, "behind the end of the file")
	}
	return err
}

// pageRef is a page as its parent refers to it: its keys are at least low and below high (nil: no bound).
type pageRef struct {
	id        uint64
	root      bool   // of the tree of buckets, whose values are all buckets
	bucket    string // that it belongs to
	head      int    // bytes of its values to show
	low, high []byte
	depth     int
}

// walk checks a page and all below it.
func (c *pageChecker) walk(r pageRef) error {
	if r.depth == maxDepth {
		return badPage(r.id, "tree is too deep")
	}
	if err := c.take(r.id, 1); err != nil {
		return err
	}
	if c.buffers[r.depth] == nil {
		c.buffers[r.depth] = make([]byte, c.pageSize)
	}
	b := c.buffers[r.depth]
	if err := c.read(b, r.id, 0); err != nil {
		return err
	}
	overflow := uint64(native.Uint32(b[12:]))
	if native.Uint64(b) != r.id {
		return badPage(r.id, "calls itself %d", native.Uint64(b))
	}
	if err := c.take(r.id+1, overflow); overflow > 0 && err != nil {
		return err
	}
	p := page{id: r.id, data: b, flags: native.Uint16(b[8:]), count: int(native.Uint16(b[10:])), size: (int(overflow) + 1) * c.pageSize}
	if n := pageHeader + p.count*pageElement; n > len(b) {
		if n > p.size {
			return badPage(r.id, "too many elements")
		}
		p.data = make([]byte, n)
		if err := c.read(p.data, r.id, 0); err != nil {
			return err
		}
	}
	end, err := c.elements(r, p)
	if err != nil {
		return err
	}
	if pages := max(1, (end+c.pageSize-1)/c.pageSize); uint64(pages) != overflow+1 {
		return badPage(r.id, "has %d pages and needs %d", overflow+1, pages)
	}
	return nil
}

// page is a page's beginning, its elements at least.
type page struct {
	id    uint64
	data  []byte
	flags uint16
	count int
	size  int // all bytes that it may use
}

// bytes returns a part of the page; what isn't in memory is read.
func (c *pageChecker) bytes(p page, at, n int) ([]byte, error) {
	if at+n <= len(p.data) {
		return p.data[at : at+n : at+n], nil
	}
	b := make([]byte, n)
	return b, c.read(b, p.id, at)
}

// elements checks the elements of a page and what they refer to. It returns where the last one ends.
func (c *pageChecker) elements(r pageRef, p page) (int, error) {
	if p.flags != pageBranch && p.flags != pageLeaf {
		return 0, badPage(r.id, "unexpected kind %#x", p.flags)
	}
	if p.flags == pageBranch && p.count == 0 {
		return 0, badPage(r.id, "branch without children")
	}
	at := pageHeader + p.count*pageElement
	var previous []byte
	var child pageRef // waits for its upper bound
	for i := range p.count {
		e := readElement(p, i)
		if e.start != at || e.keySize == 0 || e.keySize > p.size-at || e.valueSize > p.size-at-e.keySize {
			return 0, badPage(r.id, "element %d is out of place", i)
		}
		head, err := c.bytes(p, at, e.keySize+min(e.valueSize, r.head))
		if err != nil {
			return 0, err
		}
		key, head := head[:e.keySize], head[e.keySize:]
		if (i > 0 && bytes.Compare(previous, key) >= 0) || bytes.Compare(key, r.low) < 0 || (r.high != nil && bytes.Compare(key, r.high) >= 0) {
			return 0, badPage(r.id, "element %d is out of order", i)
		}
		previous = key
		at += e.keySize + e.valueSize
		if p.flags == pageLeaf {
			if err := c.leafElement(r, p, e, key, head); err != nil {
				return 0, err
			}
			continue
		}
		if i > 0 {
			child.high = key
			if err := c.descend(child); err != nil {
				return 0, err
			}
		}
		child = pageRef{id: e.page, root: r.root, bucket: r.bucket, head: r.head, low: key, high: r.high, depth: r.depth + 1}
	}
	if p.flags == pageBranch {
		return at, c.descend(child)
	}
	return at, nil
}

// element is one element of a page; offsets count from the page's beginning.
type element struct {
	start, keySize, valueSize int
	flags                     uint32 // of a leaf
	page                      uint64 // of a branch
}

func readElement(p page, i int) element {
	at := pageHeader + i*pageElement
	b := p.data[at:]
	if p.flags == pageBranch {
		return element{start: at + int(native.Uint32(b)), keySize: int(native.Uint32(b[4:])), page: native.Uint64(b[8:])}
	}
	return element{
		flags: native.Uint32(b), start: at + int(native.Uint32(b[4:])),
		keySize: int(native.Uint32(b[8:])), valueSize: int(native.Uint32(b[12:])),
	}
}

// leafElement checks a key of a bucket, or a whole bucket.
func (c *pageChecker) leafElement(r pageRef, p page, e element, key, head []byte) error {
	if !r.root {
		if e.flags != 0 {
			return badPage(p.id, "unexpected flags %#x of key %x", e.flags, key)
		}
		if c.visitor == nil {
			return nil
		}
		return c.visitor.leaf(r.bucket, key, head, e.valueSize)
	}
	if e.flags != elementBucket || e.valueSize < bucketHeader {
		return badPage(p.id, "%q isn't a bucket", key)
	}
	value, err := c.bytes(p, e.start+e.keySize, e.valueSize)
	if err != nil {
		return err
	}
	child := pageRef{id: native.Uint64(value), bucket: string(key), depth: r.depth + 1}
	if c.visitor != nil {
		if child.head, err = c.visitor.bucket(child.bucket); err != nil {
			return err
		}
	}
	if child.id == 0 {
		return c.spare(child.bucket, c.inline(child, value[bucketHeader:]))
	}
	if e.valueSize != bucketHeader {
		return badPage(p.id, "bucket %q is too long", key)
	}
	return c.descend(child)
}

// descend walks a page that another one refers to.
func (c *pageChecker) descend(r pageRef) error { return c.spare(r.bucket, c.walk(r)) }

// spare tells of damage below, if somebody wants to know, and else lets it end the walk.
func (c *pageChecker) spare(bucket string, err error) error {
	if err == nil || c.lost == nil || !errors.Is(err, ErrCorrupt) {
		return err
	}
	c.lost(bucket, err)
	return nil
}

// inline checks a small bucket's only page, which stands in its parent's.
func (c *pageChecker) inline(r pageRef, b []byte) error {
	if len(b) < pageHeader || native.Uint64(b) != 0 || native.Uint32(b[12:]) != 0 {
		return badPage(r.id, "bad header of bucket %q", r.bucket)
	}
	p := page{data: b, flags: native.Uint16(b[8:]), count: int(native.Uint16(b[10:])), size: len(b)}
	if p.flags != pageLeaf || pageHeader+p.count*pageElement > len(b) {
		return badPage(r.id, "bad elements of bucket %q", r.bucket)
	}
	end, err := c.elements(r, p)
	if err == nil && end != len(b) {
		err = badPage(r.id, "bucket %q has another size", r.bucket)
	}
	return err
}

// checkFreelist checks the list of free pages that other tools leave.
func (c *pageChecker) checkFreelist(id uint64) error {
	b := make([]byte, c.pageSize)
	if err := c.take(id, 1); err != nil {
		return err
	}
	if err := c.read(b, id, 0); err != nil {
		return err
	}
	overflow, count := uint64(native.Uint32(b[12:])), uint64(native.Uint16(b[10:]))
	if native.Uint64(b) != id || native.Uint16(b[8:]) != pageFreelist {
		return badPage(id, "isn't the list of free pages")
	}
	if err := c.take(id+1, overflow); overflow > 0 && err != nil {
		return err
	}
	b = make([]byte, (int(overflow)+1)*c.pageSize)
	if err := c.read(b, id, 0); err != nil {
		return err
	}
	list := b[pageHeader:]
	if count == 0xFFFF { // the real count follows
		count, list = native.Uint64(list), list[8:]
	}
	if count > uint64(len(list)/8) {
		return badPage(id, "too many free pages")
	}
	for i := range count {
		if err := c.take(native.Uint64(list[i*8:]), 1); err != nil {
			return err
		}
	}
	return nil
}
