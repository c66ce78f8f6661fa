/** What we use of pgpass, which has no types of its own. */
declare module 'pgpass' {
  interface Connection {
    readonly host: string
    readonly port: number
    readonly database: string
    readonly user: string
  }
  export default function pgpass(connection: Connection, told: (password: string | undefined) => void): void
}
