# The image of policyc-runtime: one static binary, which nobody can write to, and no shell.
#
#   docker build --build-arg VERSION=0.1.0 -t ghcr.io/policyc/policyc-runtime:0.1.0 .
FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=""
# The same source gives the same binary: no paths, no time, no state of the repository.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags="-s -w -X main.version=$VERSION" -o /policyc-runtime ./cmd/policyc-runtime

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /policyc-runtime /policyc-runtime
# As the chart runs it.
USER 65532:65532
EXPOSE 9443 8080 8081
ENTRYPOINT ["/policyc-runtime"]
