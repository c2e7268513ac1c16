// Command pgx-driver is pgx v5's part in test_drivers.py. Its argument is the habit; where to connect stands in PGHOST etc.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var habits = map[string]pgx.QueryExecMode{
	"named":   pgx.QueryExecModeCacheStatement,
	"unnamed": pgx.QueryExecModeExec,
	"simple":  pgx.QueryExecModeSimpleProtocol,
}

const insert = "INSERT INTO talk (id, word) VALUES ($1, $2)"

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	if err := talk(ctx, habits[os.Args[1]]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func connect(ctx context.Context, mode pgx.QueryExecMode) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = mode
	return pgx.ConnectConfig(ctx, config)
}

func talk(ctx context.Context, mode pgx.QueryExecMode) error {
	one, err := connect(ctx, mode)
	if err != nil {
		return err
	}
	defer one.Close(ctx)
	steps := []func(context.Context, *pgx.Conn) error{greet, change, transact, batch, copyRows, fail, repeat}
	for _, step := range steps {
		if err := step(ctx, one); err != nil {
			return err
		}
	}
	other, err := connect(ctx, mode)
	if err != nil {
		return err
	}
	defer other.Close(ctx)
	if err := tell(ctx, other, "other", "SELECT count(*) FROM talk"); err != nil {
		return err
	}
	if _, err := one.Exec(ctx, "DROP TABLE talk"); err != nil {
		return err
	}
	fmt.Println("done")
	return nil
}

// tell prints a word and the value of a query.
func tell(ctx context.Context, connection *pgx.Conn, word, sql string) error {
	var value any
	if err := connection.QueryRow(ctx, sql).Scan(&value); err != nil {
		return err
	}
	fmt.Println(word, value)
	return nil
}

func greet(ctx context.Context, one *pgx.Conn) error {
	return tell(ctx, one, "connected", "SELECT 1")
}

func change(ctx context.Context, one *pgx.Conn) error {
	if _, err := one.Exec(ctx, "CREATE TABLE talk (id int PRIMARY KEY, word text)"); err != nil {
		return err
	}
	first, err := one.Exec(ctx, insert, 1, "één")
	if err != nil {
		return err
	}
	second, err := one.Exec(ctx, insert, 2, nil)
	if err != nil {
		return err
	}
	fmt.Println("inserted", first.RowsAffected()+second.RowsAffected())
	words := []string{"-", "-"}
	for i := range words {
		var word *string
		if err := one.QueryRow(ctx, "SELECT word FROM talk WHERE id = $1", i+1).Scan(&word); err != nil {
			return err
		}
		if word != nil {
			words[i] = *word
		}
	}
	fmt.Println("selected", strings.Join(words, " "))
	return nil
}

func transact(ctx context.Context, one *pgx.Conn) error {
	err := pgx.BeginFunc(ctx, one, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, insert, 3, "committed")
		return err
	})
	if err != nil {
		return err
	}
	undone, err := one.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err := undone.Exec(ctx, insert, 4, "rolled back"); err != nil {
		return err
	}
	if err := undone.Rollback(ctx); err != nil {
		return err
	}
	return tell(ctx, one, "committed", "SELECT count(*) FROM talk")
}

func batch(ctx context.Context, one *pgx.Conn) error {
	var pipeline pgx.Batch
	for id := 11; id <= 15; id++ {
		pipeline.Queue(insert, id, "batch")
	}
	if err := one.SendBatch(ctx, &pipeline).Close(); err != nil {
		return err
	}
	fmt.Println("batch", pipeline.Len())
	return nil
}

// copyRows takes the layer below CopyFrom, which always describes the table by a named statement.
func copyRows(ctx context.Context, one *pgx.Conn) error {
	var rows bytes.Buffer
	for id := 100; id < 1100; id++ {
		fmt.Fprintf(&rows, "%d\tcopied\n", id)
	}
	in, err := one.PgConn().CopyFrom(ctx, &rows, "COPY talk (id, word) FROM STDIN")
	if err != nil {
		return err
	}
	fmt.Println("copied in", in.RowsAffected())
	var out bytes.Buffer
	if _, err := one.PgConn().CopyTo(ctx, &out, "COPY talk (id, word) TO STDOUT"); err != nil {
		return err
	}
	fmt.Println("copied out", bytes.Count(out.Bytes(), []byte{'\n'}))
	return nil
}

func fail(ctx context.Context, one *pgx.Conn) error {
	err := pgx.BeginFunc(ctx, one, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "SELECT 1 / $1::int", 0)
		return err
	})
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) {
		return fmt.Errorf("a division by zero gave %v", err)
	}
	fmt.Println("failed", refusal.Code)
	return tell(ctx, one, "recovered", "SELECT 1")
}

func repeat(ctx context.Context, one *pgx.Conn) error {
	sum := 0
	for i := 1; i <= 10; i++ {
		var value int
		if err := one.QueryRow(ctx, "SELECT $1::int", i).Scan(&value); err != nil {
			return err
		}
		sum += value
	}
	fmt.Println("repeated", sum)
	var large string
	if err := one.QueryRow(ctx, "SELECT $1::text", strings.Repeat("x", 300000)).Scan(&large); err != nil {
		return err
	}
	fmt.Println("large", len(large))
	return tell(ctx, one, "named", "SELECT count(*) > 0 FROM pg_prepared_statements")
}
