package task

func (c *Enqueue) opcode() opcode                { panic("wip") }
func (c *Enqueue) encode(b []byte) []byte        { panic("wip") }
func (c *OpenProducer) opcode() opcode           { panic("wip") }
func (c *OpenProducer) encode(b []byte) []byte   { panic("wip") }
func (c *OpenSession) opcode() opcode            { panic("wip") }
func (c *OpenSession) encode(b []byte) []byte    { panic("wip") }
func (c *CloseSession) opcode() opcode           { panic("wip") }
func (c *CloseSession) encode(b []byte) []byte   { panic("wip") }
func (c *ExpireSessions) opcode() opcode         { panic("wip") }
func (c *ExpireSessions) encode(b []byte) []byte { panic("wip") }
func (c *Lease) opcode() opcode                  { panic("wip") }
func (c *Lease) encode(b []byte) []byte          { panic("wip") }
func (c *Finish) opcode() opcode                 { panic("wip") }
func (c *Finish) encode(b []byte) []byte         { panic("wip") }
func (c *Progress) opcode() opcode               { panic("wip") }
func (c *Progress) encode(b []byte) []byte       { panic("wip") }
func (c *Cancel) opcode() opcode                 { panic("wip") }
func (c *Cancel) encode(b []byte) []byte         { panic("wip") }
func (c *Retry) opcode() opcode                  { panic("wip") }
func (c *Retry) encode(b []byte) []byte          { panic("wip") }
func (c *Delete) opcode() opcode                 { panic("wip") }
func (c *Delete) encode(b []byte) []byte         { panic("wip") }
func (c *DeleteFinished) opcode() opcode         { panic("wip") }
func (c *DeleteFinished) encode(b []byte) []byte { panic("wip") }
func (c *Reset) opcode() opcode                  { panic("wip") }
func (c *Reset) encode(b []byte) []byte          { panic("wip") }
func (c *Reschedule) opcode() opcode             { panic("wip") }
func (c *Reschedule) encode(b []byte) []byte     { panic("wip") }
func (c *Move) opcode() opcode                   { panic("wip") }
func (c *Move) encode(b []byte) []byte           { panic("wip") }
func (c *SetQueue) opcode() opcode               { panic("wip") }
func (c *SetQueue) encode(b []byte) []byte       { panic("wip") }
func (c *SetQueueMode) opcode() opcode           { panic("wip") }
func (c *SetQueueMode) encode(b []byte) []byte   { panic("wip") }
func (c *PurgeQueue) opcode() opcode             { panic("wip") }
func (c *PurgeQueue) encode(b []byte) []byte     { panic("wip") }
func (c *Tick) opcode() opcode                   { panic("wip") }
func (c *Tick) encode(b []byte) []byte           { panic("wip") }
func (c *Request) opcode() opcode                { panic("wip") }
func (c *Request) encode(b []byte) []byte        { panic("wip") }
