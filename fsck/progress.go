package fsck

import "sync/atomic"

// Progress is how much was looked at.
type Progress struct {
	Tenants   int64 `json:"tenants"`
	Files     int64 `json:"files"`
	Documents int64 `json:"documents"`
	Objects   int64 `json:"objects"`
	Bytes     int64 `json:"bytes_read"`
	// Young are objects that no file stands on, and uploads under way, that are not
	// older than the grace period.
	Young    int64 `json:"young"`
	Findings int64 `json:"findings"`
	Repaired int64 `json:"repaired"` // of the findings
}

// counters hold a [Progress] that several add to.
type counters struct {
	tenants, files, documents, objects, bytes, young, findings, repaired atomic.Int64
}

// Progress returns how much was looked at so far. It may be called at any time.
func (c *Checker) Progress() Progress {
	n := &c.count
	return Progress{
		Tenants: n.tenants.Load(), Files: n.files.Load(), Documents: n.documents.Load(), Objects: n.objects.Load(),
		Bytes: n.bytes.Load(), Young: n.young.Load(), Findings: n.findings.Load(), Repaired: n.repaired.Load(),
	}
}
