package runbook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/itchyny/gojq"
)

// jq is the program of that name, for machines without it: -e fails for null and false, -r prints strings bare.
func jq(args []string) int {
	raw, exit, query := false, false, ""
	var in io.Reader = os.Stdin
	for _, a := range args {
		switch a {
		case "-r":
			raw = true
		case "-e":
			exit = true
		case "-er", "-re":
			raw, exit = true, true
		case "-c": // as it prints anyway
		default:
			if query == "" {
				query = a
				continue
			}
			file, err := os.Open(a)
			if err != nil {
				fmt.Fprintln(os.Stderr, "jq:", err)
				return 2
			}
			defer file.Close()
			in = file
		}
	}
	last, err := evaluate(query, raw, in)
	if err != nil {
		fmt.Fprintln(os.Stderr, "jq:", err)
		return 5
	}
	if exit && (last == nil || last == false) {
		return 1
	}
	return 0
}

func evaluate(text string, raw bool, from io.Reader) (last any, err error) {
	query, err := gojq.Parse(text)
	if err != nil {
		return nil, err
	}
	in := json.NewDecoder(from)
	for {
		var value any
		if err := in.Decode(&value); errors.Is(err, io.EOF) {
			return last, nil
		} else if err != nil {
			return nil, err
		}
		for results := query.Run(value); ; {
			v, ok := results.Next()
			if !ok {
				break
			}
			if err, failed := v.(error); failed {
				return nil, err
			}
			last = v
			if text, ok := v.(string); ok && raw {
				fmt.Println(text)
				continue
			}
			line, err := gojq.Marshal(v)
			if err != nil {
				return nil, err
			}
			fmt.Println(string(line))
		}
	}
}
