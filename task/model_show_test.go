package task_test

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/rowlock/rowlock/task"
)

// show prints commands on one line, without the fields that aren't set.
func show(commands []task.Command) string {
	var words []string
	for _, c := range commands {
		words = append(words, showValue(reflect.ValueOf(c)))
	}
	return strings.Join(words, " ")
}

func showValue(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return showValue(v.Elem())
	case reflect.Struct:
		var fields []string
		for i := range v.NumField() {
			if f := v.Field(i); !f.IsZero() {
				fields = append(fields, v.Type().Field(i).Name+":"+showValue(f))
			}
		}
		return v.Type().Name() + "{" + strings.Join(fields, " ") + "}"
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("%.40q", v.Bytes())
		}
		var elements []string
		for i := range v.Len() {
			elements = append(elements, showValue(v.Index(i)))
		}
		return "[" + strings.Join(elements, " ") + "]"
	case reflect.Uint64: // also IDs, which are shorter in decimal
		return fmt.Sprint(v.Uint())
	}
	return fmt.Sprintf("%v", v.Interface())
}
