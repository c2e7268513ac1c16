// Command pgx-driver lets pgx v5 talk to the server that its first argument, a connection string, names. It runs each
// further argument as a statement and prints the rows, one a line, columns separated by tabs.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url string, statements []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	for _, statement := range statements {
		if err := query(ctx, connection, statement); err != nil {
			return err
		}
	}
	return nil
}

func query(ctx context.Context, connection *pgx.Conn, statement string) error {
	rows, err := connection.Query(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return err
		}
		columns := make([]string, len(values))
		for i, value := range values {
			columns[i] = fmt.Sprint(value)
		}
		fmt.Println(strings.Join(columns, "\t"))
	}
	return rows.Err()
}
