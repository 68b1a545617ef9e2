package main

import (
	"context"
	"fmt"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
)

// checkStopped checks the files of a stopped member.
func (p *program) checkStopped(ctx context.Context, dataDir string) (*checked, error) {
	if err := hasState(dataDir); err != nil {
		return nil, err
	}
	show := phases{p: p}
	defer show.stop()
	report, err := store.CheckDir(ctx, dataDir, store.CheckOptions{Progress: func(phase string) { show.show("checking "+phase, 0, 0) }})
	if err != nil {
		return nil, serveError(&serveFlags{dataDir: dataDir}, err)
	}
	id, _, _ := store.LoadIdentity(dataDir) // what is wrong with it is in the report
	r := &checked{
		Member: id.NodeID, Index: report.Position.Index, LiveTasks: report.LiveTasks, Records: report.Records, LogEntries: report.LogEntries,
		Total: report.Total, Findings: []checkFinding{},
	}
	if report.Loaded {
		r.Hash = archive.HashText(report.Hash)
	}
	for i := range report.Findings {
		f := &report.Findings[i]
		x := checkFinding{File: f.File, Part: f.Part, Text: f.Text, Mend: fmt.Sprintf(mendLast, dataDir)}
		for _, id := range f.Tasks {
			x.Tasks = append(x.Tasks, id.String())
		}
		r.Findings = append(r.Findings, x)
	}
	return r, nil
}
