package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
)

// Process is a server process that somebody else started.
type Process struct {
	Ready
	cmd     *exec.Cmd
	in      io.Closer
	problem *bytes.Buffer
}

// Start begins a process that calls Serve with its standard input and output, and
// waits until it listens.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, problem: &bytes.Buffer{}}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	p.in = in
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	cmd.Stderr = p.problem
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	if err := json.NewDecoder(out).Decode(&p.Ready); err != nil {
		return nil, errors.Join(fmt.Errorf("start the server: %w", err), p.Stop())
	}
	return p, nil
}

// Stop ends the process in order: its sessions are asked to leave.
func (p *Process) Stop() error {
	_ = p.in.Close() // it ends by that, or has ended
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("the server: %w: %s", err, strings.TrimSpace(p.problem.String()))
	}
	return nil
}

// Kill ends the process as a power loss would.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill the server: %w", err)
	}
	_ = p.cmd.Wait() // it says that it was killed
	return nil
}

// Memory asks how the process stands; collect has it collect its garbage first
// and give back to the system what is free.
func (p *Process) Memory(ctx context.Context, collect bool) (m Memory, err error) {
	path := memoryPath
	if collect {
		path += "?collect"
	}
	body, err := p.get(ctx, path)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(body, &m)
}

// Heap is a profile of what lives on the process's heap.
func (p *Process) Heap(ctx context.Context) ([]byte, error) { return p.get(ctx, heapPath) }

func (p *Process) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Address+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the server: %s: %s", resp.Status, body)
	}
	return body, nil
}
