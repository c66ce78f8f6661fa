/**
 * Roles: who is an administrator, and who manages which domains.
 *
 * Invariants: there is an administrator as long as there was one; with a role the portal sessions of its holder end, so that what a page once
 * allowed is not relied on, and so do the open invitations that he made by it.
 */

import { findHostName } from '../../../base/network.ts'
import { Problem } from '../../../base/problems.ts'
import type { AuditAction } from '../../schema/audit-words.ts'
import type { Role } from '../../schema/portal-schema.ts'
import type { Change, StoreContext } from '../../store-context.ts'
import { checkNotLastAdmin, type Roles as RolesOfUser, readRoles } from './role-rows.ts'
import { endInvitations, endPortalSessions } from './sign-in-rows.ts'
import { getUserRow, parseLogin } from './user-rows.ts'

export interface RoleHolder {
  readonly user: string
  readonly name: string | null
  readonly role: Role
  /** Of a manager. */
  readonly domain: string | null
}

/** A role to give or take. */
export type RoleName = { readonly role: 'admin' } | { readonly role: 'manager'; readonly domain: string }

export class Roles {
  readonly #context: StoreContext

  constructor(context: StoreContext) {
    this.#context = context
  }

  /** Throws NOT_FOUND. */
  async of(login: string): Promise<RolesOfUser> {
    const { db } = this.#context
    return readRoles(db, (await getUserRow(db, parseLogin(login))).id)
  }

  /** Administrators, and the managers of a domain or of all; by login. */
  async list({ domain }: { readonly domain?: string | undefined } = {}): Promise<RoleHolder[]> {
    let query = this.#context.db
      .selectFrom('roles')
      .innerJoin('users', 'users.id', 'roles.user_id')
      .select(['users.login as user', 'users.name', 'roles.role', 'roles.domain'])
      .orderBy('users.login')
      .orderBy('roles.domain')
    if (domain !== undefined) query = query.where('roles.role', '=', 'manager').where('roles.domain', '=', parseDomain(domain))
    return (await query.execute()).map(row => ({ ...row, domain: row.role === 'admin' ? null : row.domain }))
  }

  /** Throws NOT_FOUND, BAD_INPUT. */
  async grant(login: string, role: RoleName): Promise<RolesOfUser> {
    return this.#changeOne(login, role, grantRole)
  }

  /** Throws NOT_FOUND, BAD_INPUT, LAST_ADMINISTRATOR. */
  async revoke(login: string, role: RoleName): Promise<RolesOfUser> {
    return this.#changeOne(login, role, async (change, user, { role, domain }) => {
      if (role === 'admin') await checkNotLastAdmin(change.db, user)
      const { numDeletedRows } = await change.db
        .deleteFrom('roles')
        .where('user_id', '=', user.id)
        .where('role', '=', role)
        .where('domain', '=', domain)
        .executeTakeFirst()
      if (numDeletedRows === 0n) return
      await noteRole(change, user, 'user.role-taken', { role, domain })
      await endInvitations(change, role === 'admin' ? { maker: user.id } : { maker: user.id, domain })
    })
  }

  #changeOne(
    login: string,
    role: RoleName,
    act: (change: Change, user: RoleOwner, columns: { role: Role; domain: string }) => Promise<void>,
  ): Promise<RolesOfUser> {
    const columns = role.role === 'admin' ? { role: role.role, domain: '' } : { role: role.role, domain: parseDomain(role.domain) }
    return this.#context.change(async change => {
      const user = await getUserRow(change.db, parseLogin(login))
      await act(change, user, columns)
      return readRoles(change.db, user.id)
    })
  }
}

type RoleOwner = Awaited<ReturnType<typeof getUserRow>>

async function grantRole(change: Change, user: RoleOwner, columns: { role: Role; domain: string }): Promise<void> {
  const { numInsertedOrUpdatedRows } = await change.db
    .insertInto('roles')
    .values({ user_id: user.id, ...columns })
    .onConflict(conflict => conflict.columns(['user_id', 'role', 'domain']).doNothing())
    .executeTakeFirst()
  if (numInsertedOrUpdatedRows !== 0n) await noteRole(change, user, 'user.role-given', columns)
}

async function noteRole(change: Change, user: RoleOwner, action: AuditAction, { role, domain }: { role: Role; domain: string }): Promise<void> {
  const facts = role === 'admin' ? { role } : { role, domain }
  await change.audit({
    action,
    subject: user.login,
    subjectId: user.id,
    before: action === 'user.role-taken' ? facts : null,
    after: action === 'user.role-given' ? facts : null,
  })
  await endPortalSessions(change, user.id)
}

/** Throws BAD_INPUT. */
export function parseDomain(text: string): string {
  const domain = findHostName(text.trim().replace(/^@/, ''))
  if (domain === undefined) throw new Problem('domain.form', { text })
  return domain
}
