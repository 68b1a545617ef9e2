// Package gateway serves the API's unary calls as HTTP and JSON. All but this file and the two YAML files is generated:
// routes.yaml has the paths, openapi.yaml the title of the OpenAPI file.
//
// It is a package of its own, so that the Go SDK, which links rowlockv1, links none of it.
package gateway

import _ "embed" // for OpenAPI

// OpenAPI is the description of the HTTP paths, in OpenAPI 2.0. docs/api has the same file.
//
//go:embed rowlock.swagger.json
var OpenAPI []byte
