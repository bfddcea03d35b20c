// Shows the contract that this server serves. Nothing comes from anywhere else,
// and tokens are forgotten when the page is left.
window.ui = SwaggerUIBundle({
  url: "/swagger.yaml",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
