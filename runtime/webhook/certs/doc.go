// Package certs makes the certificates that the webhook serves with, and says when each is replaced, such that an API
// server that trusts what was published never meets a certificate that it does not trust. It knows neither a cluster nor
// a clock: a State is what the replicas share, and Plan.Step is the next state.
//
//	nothing                              → CA 1 and a serving certificate; the bundle is [CA 1]
//	2/3 of the serving certificate's life → a new one of CA 1; the bundle stays
//	2/3 of CA 1's life                   → the bundle is [CA 1, CA 2]; CA 1 still serves
//	every configuration has that bundle  → after Settle, a serving certificate of CA 2; the bundle is [CA 2, CA 1]
//	CA 1 has expired                     → the bundle is [CA 2]
//
// Every step is one write of the State, which any replica may do and any may fail to do: the next one goes on from there.
//
// open-policy-agent/cert-controller does not serve here: it replaces CA and serving certificate in one step and writes the
// bundle afterwards, so that handshakes fail in between; it restarts or reads files where this serves from memory.
package certs
