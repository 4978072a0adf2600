/** Which database servers the tests can use: each candidate is really logged in to. Runs after the install. */

const servers = [
  {
    dialect: 'postgres',
    title: 'PostgreSQL',
    variable: 'ASSETRA_TEST_PG_URL',
    candidates: ['postgres://postgres@127.0.0.1:5432/postgres', 'postgres://root@127.0.0.1:5432/postgres'],
    connect: connectPostgres,
  },
  {
    dialect: 'mysql',
    title: 'MySQL/MariaDB',
    variable: 'ASSETRA_TEST_MYSQL_URL',
    candidates: ['mysql://root@127.0.0.1:3306/mysql'],
    connect: connectMysql,
  },
];

/** SQLite first, then each server: `url` when it answers, else `reason`. */
export async function findDatabases() {
  return [{ dialect: 'sqlite', title: 'SQLite', found: true }, ...(await Promise.all(servers.map(find)))];
}

async function find({ dialect, title, variable, candidates, connect }) {
  const named = process.env[variable];
  let reason = '';
  for (const url of named ? [named] : candidates) {
    try {
      await connect(url);
      return { dialect, title, variable, url, found: true };
    } catch (error) {
      reason ||= error.message || error.code;
    }
  }
  return { dialect, title, variable, found: false, reason };
}

async function connectPostgres(connectionString) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 3000 });
  try {
    await client.connect();
  } finally {
    await client.end();
  }
}

async function connectMysql(uri) {
  const { createConnection } = await import('mysql2/promise');
  const connection = await createConnection({ uri, connectTimeout: 3000 });
  await connection.end();
}
