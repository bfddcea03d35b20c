package httpapi

//go:generate go tool -modfile=../../tools/go.mod oapi-codegen -config oapi.yaml ../../swagger.yaml
