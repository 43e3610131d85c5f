// What google/go-eventlog spends on a log: main LOG TIMES parse|verify|state [VALUES]
//
// VALUES has a line for each register value: BANK INDEX HEX. Each bank of it is verified. Prints the processor seconds
// (user and system, of all threads), those of the kernel, and the wall seconds of one time.
package main

import (
	"bufio"
	"crypto"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/google/go-eventlog/extract"
	"github.com/google/go-eventlog/register"
	"github.com/google/go-eventlog/tcg"
)

var hashes = map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha384": crypto.SHA384}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func banks(path string) map[crypto.Hash][]register.MR {
	found := map[crypto.Hash][]register.MR{}
	file, err := os.Open(path)
	must(err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var name, value string
		var index int
		_, err := fmt.Sscan(lines.Text(), &name, &index, &value)
		must(err)
		digest, err := hex.DecodeString(value)
		must(err)
		if hash, known := hashes[name]; known {
			found[hash] = append(found[hash], register.PCR{Index: index, Digest: digest, DigestAlg: hash})
		}
	}
	return found
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
	mode := os.Args[3]
	var values map[crypto.Hash][]register.MR
	if mode != "parse" {
		values = banks(os.Args[4])
	}
	cpu, system := spent()
	began := time.Now()
	for n := 0; n < times; n++ {
		log, err := tcg.ParseEventLog(data, tcg.ParseOpts{})
		must(err)
		for hash, registers := range values {
			events, err := log.Verify(registers)
			must(err)
			if mode == "state" {
				// A log of another machine may lack what the state is made of: what there is is made all the same.
				_, _ = extract.FirmwareLogState(events, hash, extract.TPMRegisterConfig, extract.Opts{})
			}
		}
	}
	took := time.Since(began).Seconds()
	cpuThen, systemThen := spent()
	each := float64(times)
	fmt.Printf("[%g, %g, %g]\n", (cpuThen-cpu)/each, (systemThen-system)/each, took/each)
}
