package certs

import (
	"crypto/x509"
	"net"
	"slices"
	"time"
)

// Plan says what certificates are for, and how long they live.
type Plan struct {
	// Names are the DNS names and IP addresses that API servers call.
	Names []string
	// CALife must be at least three times ServingLife, so that an authority that is replaced in time never ends before a
	// certificate that it signed.
	CALife, ServingLife time.Duration
	// Settle is how long API servers may take to see a configuration that was written.
	Settle time.Duration
}

// grace is how long an authority that has expired is trusted all the same: by other clocks it may not have.
const grace = time.Hour

// Step returns the state after s at a time, or s itself when nothing is to be done. A nil s is none. Published says that
// every webhook configuration trusts all of s.Bundle().
//
// Clocks differ: what a replica takes for expired may be valid elsewhere. So nothing is dropped at once; also an expired
// authority is published beside its successor first, and the difference is only that there is nothing left to wait for.
func (p Plan) Step(s *State, now time.Time, published bool) (*State, error) {
	switch {
	case s == nil:
		return p.first(now)
	case s.serving == nil || !covers(s.serving.certificate, p.Names) || p.servingDue(s, now):
		return p.serve(s, now)
	case s.next == nil && p.caDue(s, now):
		next, err := newAuthority(now, p.CALife)
		if err != nil {
			return nil, err
		}
		out := *s
		out.next, out.published = next, time.Time{}
		return &out, nil
	case s.next != nil && published && (s.published.IsZero() || s.published.After(now.Add(p.Settle))): // or marked by a clock far ahead
		out := *s
		out.published = now
		return &out, nil
	case s.next != nil && published && p.settled(s, now):
		return p.serve(&State{ca: s.next, old: append([]*x509.Certificate{s.ca.certificate}, s.old...), serving: s.serving}, now)
	}
	if kept := slices.DeleteFunc(slices.Clone(s.old), func(c *x509.Certificate) bool { return now.After(c.NotAfter.Add(grace)) }); len(kept) < len(s.old) {
		out := *s
		out.old = kept
		return &out, nil
	}
	return s, nil
}

// Due is when Step has to be asked again, if nothing changes before.
func (p Plan) Due(s *State) time.Time {
	due := s.ca.certificate.NotAfter.Add(-p.CALife / 3)
	if s.next != nil {
		due = s.published.Add(p.Settle)
	}
	if end := s.serving.certificate.NotAfter; end.Before(s.ca.certificate.NotAfter) {
		due = earlier(due, end.Add(-p.ServingLife/3))
	}
	for _, c := range s.old {
		due = earlier(due, c.NotAfter.Add(grace+time.Second))
	}
	return due
}

func (p Plan) first(now time.Time) (*State, error) {
	ca, err := newAuthority(now, p.CALife)
	if err != nil {
		return nil, err
	}
	return p.serve(&State{ca: ca}, now)
}

// serve issues a serving certificate. It keeps the names of the present one: during an upgrade the replicas may want
// different names, and would take turns otherwise. They go with their authority.
func (p Plan) serve(s *State, now time.Time) (*State, error) {
	names := slices.Clone(p.Names)
	if s.serving != nil && s.serving.certificate.CheckSignatureFrom(s.ca.certificate) == nil {
		names = append(names, namesOf(s.serving.certificate)...)
	}
	slices.Sort(names)
	serving, err := s.ca.issue(slices.Compact(names), now, p.ServingLife)
	if err != nil {
		return nil, err
	}
	out := *s
	out.serving = serving
	return &out, nil
}

// servingDue reports that a third of life is left, and that a new certificate would live longer.
func (p Plan) servingDue(s *State, now time.Time) bool {
	end := s.serving.certificate.NotAfter
	return !now.Before(end.Add(-p.ServingLife/3)) && end.Before(s.ca.certificate.NotAfter)
}

func (p Plan) caDue(s *State, now time.Time) bool {
	return !now.Before(s.ca.certificate.NotAfter.Add(-p.CALife / 3))
}

func (p Plan) settled(s *State, now time.Time) bool {
	// Nobody trusts what has expired: there is nothing to break.
	return !now.Before(s.published.Add(p.Settle)) || now.After(s.serving.certificate.NotAfter)
}

func covers(c *x509.Certificate, names []string) bool {
	has := namesOf(c)
	return !slices.ContainsFunc(names, func(name string) bool {
		if ip := net.ParseIP(name); ip != nil {
			name = ip.String()
		}
		return !slices.Contains(has, name)
	})
}

func namesOf(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}
