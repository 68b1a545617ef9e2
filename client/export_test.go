package client

// Waiting is how many tasks wait to be sent.
func Waiting(c *Client) int {
	p := c.producer
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, b := range p.queue {
		n += len(waiting(b.tasks))
	}
	return n
}
