// Package backups takes backups, proves them, and looks after those that are kept at a destination. What an archive is, is
// package archive's; where it lies, package bucket's; what is in it, the members'.
package backups
