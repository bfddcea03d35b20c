package fsck

import "strings"

// columns are those in which a row is not what the ledger says. What they hold is not
// told: it may be personal data.
type columns struct{ names []string }

func (c *columns) compare(name string, equal bool) {
	if !equal {
		c.names = append(c.names, name)
	}
}

// finding returns what is wrong with a row of a table; nil if nothing is.
func (c *columns) finding(table string) *Finding {
	if len(c.names) == 0 {
		return nil
	}
	return &Finding{Kind: RowDiffers, Detail: "the row of " + table + " differs from the ledger in " + strings.Join(c.names, ", ")}
}
