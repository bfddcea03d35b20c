package httpapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	cartulary "github.com/cartulary/cartulary"
)

// maxBody is the largest JSON body, in bytes, that is read.
const maxBody = 1 << 20

const (
	mediaJSON      = "application/json"
	mediaMultipart = "multipart/form-data"
	mediaAny       = "*/*"
)

// route is an operation of the contract, ready to check requests.
type route struct {
	id         string
	path       string // as the contract has it
	policy     policy
	streams    bool // answers may take longer than a request's time; the handler bounds them
	unlimited  bool // not counted against anybody's allowance, and never refused for want of room
	parameters []parameter
	media      string  // of the body; empty if there is none
	body       *schema // of a JSON body
	raw        bool    // the body may also be a file as it is, which ?filename= names
	bodyless   bool    // there may be no body
	tus        bool    // it is spoken as tus has it
}

// parameter is a path, query or header parameter of an operation.
type parameter struct {
	in, name string
	required bool
	schema   *schema
	id       bool // a UUID is all that it may be
}

// uploads reports whether the body is a file, or a part of one, and may take its time.
func (r *route) uploads() bool { return r.media == mediaMultipart || r.media == mediaTus }

// takes reports whether the contract gives an operation a header.
func (r *route) takes(header string) bool {
	return r != nil && slices.ContainsFunc(r.parameters, func(p parameter) bool {
		return p.in == openapi3.ParameterInHeader && p.name == header
	})
}

// routeKey names a route by gin's template.
func routeKey(method, template string) string { return method + " " + template }

// ginTemplate turns /a/{b} into /a/:b.
func ginTemplate(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// readContract reads the contract, once for all APIs of a process: nobody changes it.
var readContract = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(cartulary.Contract()))
	if err != nil {
		return nil, fmt.Errorf("load the contract: %w", err)
	}
	if err := doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("validate the contract: %w", err)
	}
	return doc, nil
})

// compileRoutes marries the contract with the policies.
func compileRoutes(policies map[string]policy) (map[string]*route, error) {
	doc, err := readContract()
	if err != nil {
		return nil, err
	}
	routes := make(map[string]*route, len(policies))
	options := schemaOptions()
	var problems []error
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			rule := method + " " + path
			p := policies[rule]
			if p == noPolicy {
				problems = append(problems, fmt.Errorf("%s has no policy", rule))
				continue
			}
			if anonymous := operation.Security != nil && len(*operation.Security) == 0; anonymous != (p == anyone) {
				problems = append(problems, fmt.Errorf("%s: contract and policy differ on whether a token is needed", rule))
			}
			if p.tenantScoped() != strings.HasPrefix(path, "/api/tenants/{tenant_id}") {
				problems = append(problems, fmt.Errorf("%s: the policy does not fit the path", rule))
			}
			routes[routeKey(method, ginTemplate(path))] = compileRoute(path, p, item, operation, options)
		}
	}
	if len(problems) == 0 && len(routes) != len(policies) {
		problems = append(problems, errors.New("there are policies for operations that are not in the contract"))
	}
	return routes, errors.Join(problems...)
}

func compileRoute(
	path string, p policy, item *openapi3.PathItem, operation *openapi3.Operation, options []openapi3.SchemaValidationOption,
) *route {
	r := &route{id: operation.OperationID, path: path, policy: p}
	for _, list := range []openapi3.Parameters{item.Parameters, operation.Parameters} {
		for _, ref := range list {
			s := &schema{ref.Value.Schema.Value, options}
			r.parameters = append(r.parameters, parameter{
				in: ref.Value.In, name: ref.Value.Name, required: ref.Value.Required, schema: s, id: s.onlyUUID(),
			})
		}
	}
	r.streams, _ = operation.Extensions["x-streams"].(bool)
	r.unlimited, _ = operation.Extensions["x-unlimited"].(bool)
	r.tus, _ = operation.Extensions["x-tus"].(bool)
	if operation.RequestBody == nil {
		return r
	}
	r.bodyless = !operation.RequestBody.Value.Required
	for media, content := range operation.RequestBody.Value.Content {
		if media == mediaAny {
			r.raw = true
			continue
		}
		r.media = media
		if media == mediaJSON {
			r.body = &schema{content.Schema.Value, options}
		}
	}
	return r
}
