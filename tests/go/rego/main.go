// Asks OPA for data.evlog.allow of the Rego module that is named; each line of standard input is an input document.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/open-policy-agent/opa/v1/rego"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func main() {
	module, err := os.ReadFile(os.Args[1])
	must(err)
	ctx := context.Background()
	query, err := rego.New(
		rego.Query("x := data.evlog.allow"),
		rego.Module("policy.rego", string(module)),
	).PrepareForEval(ctx)
	must(err)
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var input any
		must(json.Unmarshal(line, &input))
		found, err := query.Eval(ctx, rego.EvalInput(input))
		must(err)
		fmt.Println(found[0].Bindings["x"])
	}
}
