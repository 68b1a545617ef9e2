// Package render turns the API's answers into what people and programs read: tables, JSON and YAML.
//
// The JSON has the API's field names in snake_case, states in lower case, times in RFC 3339 and durations with their
// unit in the field's name. A payload or result that is JSON is shown as that value; any other as base64, under the same
// name with "_base64" behind it.
package render
