package figures

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// programs are the real ones of the project, built from this source, and a
// directory to work in.
type programs struct {
	ctx context.Context
	dir string
}

func (r *run) programs(ctx context.Context) (*programs, error) {
	dir, err := os.MkdirTemp(r.Memory, r.figure.Name)
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	p := &programs{ctx: ctx, dir: dir}
	if err := r.Programs(ctx, dir); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *programs) close() error { return os.RemoveAll(p.dir) }

// command is one of the programs with its data in a folder below dir.
func (p *programs) command(name, data string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.ctx, filepath.Join(p.dir, name), append(args, "--lang", "en")...)
	folder := filepath.Join(p.dir, data)
	cmd.Env = []string{"HOME=" + p.dir, "MAHALLEH_DATA_DIR=" + folder, "MAHALLEH_FIELD_DATA_DIR=" + folder,
		"MAHALLEH_FIELD_KEY_FILE=" + filepath.Join(p.dir, "key")}
	cmd.Dir = p.dir
	return cmd
}

// tell runs a program to its end and returns what it printed; the error says
// what it complained of.
func (p *programs) tell(name, data string, args ...string) ([]byte, error) {
	cmd := p.command(name, data, args...)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%s %v: %w: %s", name, args, err, bytes.TrimSpace(problem.Bytes()))
	}
	return out.Bytes(), nil
}

// neighbourhood makes a server's data: a place and so many facilitators, and
// returns a code's QR text for each.
func (p *programs) neighbourhood(data string, people int) (codes []string, err error) {
	if _, err := p.tell("mahalleh", data, "place", "add", "چشمه‌سر", "--in", "11", "-q"); err != nil {
		return nil, err
	}
	for i := range people {
		name := fmt.Sprint("هیوا ", i+1)
		for _, args := range [][]string{{"person", "add", name, "-q"}, {"grant", "add", name, "facilitator", "--place", "101", "-q"}} {
			if _, err := p.tell("mahalleh", data, args...); err != nil {
				return nil, err
			}
		}
		code, err := p.code(data, name)
		if err != nil {
			return nil, err
		}
		codes = append(codes, code)
	}
	return codes, nil
}

// code makes an enrolment code for a person.
func (p *programs) code(data, person string) (qr string, err error) {
	out, err := p.tell("mahalleh", data, "enrol", person, "--place", "101", "--json")
	if err != nil {
		return "", err
	}
	var made struct{ QR string }
	if err := json.Unmarshal(out, &made); err != nil {
		return "", fmt.Errorf("read a code: %w", err)
	}
	return made.QR, nil
}

// sound runs fsck over a server's data.
func (p *programs) sound(data string) error {
	_, err := p.tell("mahalleh", data, "fsck")
	return err
}

// serverProgram is a server's process.
type serverProgram struct {
	cmd     *exec.Cmd
	address string
	metrics string // where it tells what it is
	problem bytes.Buffer
	drained chan struct{}
}

// serve starts a server and waits until it listens.
func (p *programs) serve(data string, more ...string) (*serverProgram, error) {
	s := &serverProgram{cmd: p.command("mahalleh", data, append([]string{"serve", "--listen", "127.0.0.1:0", "--json"}, more...)...), drained: make(chan struct{})}
	s.cmd.Stderr = &s.problem
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	lines := bufio.NewReader(out)
	first, err := lines.ReadBytes('\n')
	go func() {
		defer close(s.drained)
		_, _ = io.Copy(io.Discard, lines) // until the process is gone
	}()
	var said struct{ Listening, Metrics string }
	if err == nil {
		err = json.Unmarshal(first, &said)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the server: %w", err), s.kill(), errors.New(s.problem.String()))
	}
	s.address, s.metrics = said.Listening, said.Metrics
	return s, nil
}

// kill ends the process at once, as the system does with one that takes too
// much memory.
func (s *serverProgram) kill() error { return s.end(os.Kill) }

// stop asks the process to end in order.
func (s *serverProgram) stop() error { return s.end(os.Interrupt) }

func (s *serverProgram) end(how os.Signal) error {
	if err := s.cmd.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end the server: %w", err)
	}
	<-s.drained
	err := s.cmd.Wait()
	if how == os.Kill {
		return nil // that it was killed is no news
	}
	if err != nil {
		return fmt.Errorf("the server's end: %w: %s", err, s.problem.String())
	}
	return nil
}
