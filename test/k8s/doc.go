// Package k8s tests the manifests of deploy/k8s without a cluster: kustomize builds them, and the code of the Kubernetes
// API server decodes them strictly, sets defaults, validates them and judges the pods by the Pod Security Standard
// `restricted`. Beyond that the manifests must fit one another, the image and the program's command line.
//
// It is a module of its own, as that code is large and nothing else of this project needs it: `make k8s-test`.
package k8s
