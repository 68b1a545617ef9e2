package task

func (c *CreateBatch) encode(b []byte) []byte {
	b = appendInt(appendBytes(b, c.Name), c.IdleTimeout)
	for _, t := range c.Callbacks {
		b = appendBool(b, t != nil)
		if t != nil {
			b = t.append(b)
		}
	}
	return b
}

func (c *CreateBatch) decode(r *reader) {
	c.Name, c.IdleTimeout = r.string(), r.int()
	for i := range c.Callbacks {
		if r.bool() {
			c.Callbacks[i] = new(NewTask)
			c.Callbacks[i].read(r)
		}
	}
}

func (c *CloseBatch) encode(b []byte) []byte  { return appendUint(b, uint64(c.ID)) }
func (c *CloseBatch) decode(r *reader)        { c.ID = ID(r.uint()) }
func (c *CancelBatch) encode(b []byte) []byte { return appendUint(b, uint64(c.ID)) }
func (c *CancelBatch) decode(r *reader)       { c.ID = ID(r.uint()) }
