// What canonical/tcglog-parser spends on a log: main LOG TIMES parse
//
// Reading a log decodes the data of its events. Prints the processor seconds (user and system, of all threads), those
// of the kernel, and the wall seconds of one time.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/canonical/tcglog-parser"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func spent() (float64, float64) {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	system := float64(used.Stime.Nano()) / 1e9
	return float64(used.Utime.Nano())/1e9 + system, system
}

func main() {
	data, err := os.ReadFile(os.Args[1])
	must(err)
	times, err := strconv.Atoi(os.Args[2])
	must(err)
	cpu, system := spent()
	began := time.Now()
	for n := 0; n < times; n++ {
		_, err := tcglog.ReadLog(bytes.NewReader(data), &tcglog.LogOptions{EnableGrub: true})
		must(err)
	}
	took := time.Since(began).Seconds()
	cpuThen, systemThen := spent()
	each := float64(times)
	fmt.Printf("[%g, %g, %g]\n", (cpuThen-cpu)/each, (systemThen-system)/each, took/each)
}
