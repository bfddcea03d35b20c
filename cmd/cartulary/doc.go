// Command cartulary runs the platform's roles, each as a process of its own. It is
// configured by environment variables only; see .env.example.
package main
