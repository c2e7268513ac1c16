import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Properties;
import java.util.stream.IntStream;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/** JDBC's part in test_drivers.py. Its argument is the habit; where to connect stands in PGHOST etc. */
public class Talk {
    private static final String INSERT = "INSERT INTO talk (id, word) VALUES (?, ?)";
    private static final Map<String, Map<String, String>> HABITS = Map.of(
            "named", Map.of(),
            "unnamed", Map.of("prepareThreshold", "0"),
            "simple", Map.of("preferQueryMode", "simple"));

    private final Properties properties = new Properties();
    private final Connection one;

    public static void main(String[] arguments) throws Exception {
        new Talk(arguments[0]).talk();
    }

    private Talk(String habit) throws SQLException {
        Map<String, String> environment = System.getenv();
        properties.putAll(HABITS.get(habit));
        properties.put("user", environment.get("PGUSER"));
        properties.put("password", environment.get("PGPASSWORD"));
        properties.put("sslmode", environment.get("PGSSLMODE"));
        properties.put("sslrootcert", environment.get("PGSSLROOTCERT"));
        properties.put("sslNegotiation", environment.getOrDefault("PGSSLNEGOTIATION", "postgres"));
        properties.put("connectTimeout", "20");
        properties.put("socketTimeout", "20");
        one = connect();
    }

    private Connection connect() throws SQLException {
        return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT")
                + "/" + System.getenv("PGDATABASE"), properties);
    }

    private void talk() throws Exception {
        System.out.println("connected " + value("SELECT 1"));
        execute("CREATE TABLE talk (id int PRIMARY KEY, word text)");
        System.out.println("inserted " + (add(1, "één") + add(2, null)));
        System.out.println("selected " + value("SELECT word FROM talk WHERE id = ?", 1) + " "
                + value("SELECT coalesce(word, '-') FROM talk WHERE id = ?", 2));
        transact();
        batch();
        copy();
        fail();
        repeat();
        try (Connection other = connect()) {
            System.out.println("other " + value(other, "SELECT count(*) FROM talk"));
        }
        execute("DROP TABLE talk");
        one.close();
        System.out.println("done");
    }

    private void transact() throws SQLException {
        one.setAutoCommit(false);
        add(3, "committed");
        one.commit();
        add(4, "rolled back");
        one.rollback();
        one.setAutoCommit(true);
        System.out.println("committed " + value("SELECT count(*) FROM talk"));
    }

    private void batch() throws SQLException {
        try (PreparedStatement statement = one.prepareStatement(INSERT)) {
            for (int id = 11; id <= 15; id++) {
                statement.setInt(1, id);
                statement.setString(2, "batch");
                statement.addBatch();
            }
            System.out.println("batch " + IntStream.of(statement.executeBatch()).sum());
        }
    }

    private void copy() throws Exception {
        CopyManager copying = one.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder rows = new StringBuilder();
        IntStream.range(100, 1100).forEach(id -> rows.append(id).append("\tcopied\n"));
        System.out.println("copied in "
                + copying.copyIn("COPY talk (id, word) FROM STDIN", new StringReader(rows.toString())));
        StringWriter out = new StringWriter();
        copying.copyOut("COPY talk (id, word) TO STDOUT", out);
        System.out.println("copied out " + out.toString().lines().count());
    }

    private void fail() throws SQLException {
        one.setAutoCommit(false);
        try {
            value("SELECT 1 / ?::int", 0);
        } catch (SQLException error) {
            System.out.println("failed " + error.getSQLState());
        }
        one.rollback();
        one.setAutoCommit(true);
        System.out.println("recovered " + value("SELECT 1"));
    }

    private void repeat() throws SQLException {
        int sum = 0;
        try (PreparedStatement statement = one.prepareStatement("SELECT ?::int")) {
            for (int i = 1; i <= 10; i++) {
                statement.setInt(1, i);
                sum += Integer.parseInt(first(statement));
            }
        }
        System.out.println("repeated " + sum);
        System.out.println("large " + value("SELECT ?::text", "x".repeat(300000)).length());
        System.out.println("named " + value("SELECT (count(*) > 0)::text FROM pg_prepared_statements"));
    }

    private void execute(String sql) throws SQLException {
        try (Statement statement = one.createStatement()) {
            statement.execute(sql);
        }
    }

    private int add(int id, String word) throws SQLException {
        try (PreparedStatement statement = one.prepareStatement(INSERT)) {
            statement.setInt(1, id);
            statement.setString(2, word);
            return statement.executeUpdate();
        }
    }

    private String value(String sql, Object... parameters) throws SQLException {
        return value(one, sql, parameters);
    }

    private static String value(Connection connection, String sql, Object... parameters) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < parameters.length; i++) {
                statement.setObject(i + 1, parameters[i]);
            }
            return first(statement);
        }
    }

    private static String first(PreparedStatement statement) throws SQLException {
        try (ResultSet rows = statement.executeQuery()) {
            rows.next();
            return rows.getString(1);
        }
    }
}
