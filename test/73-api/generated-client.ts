// @ts-nocheck: its own calls do not know exactOptionalPropertyTypes; what it exports is typed all the same.
/**
 * Mailwicket
 * 1
 * DO NOT MODIFY - This file has been generated using oazapfts.
 * See https://www.npmjs.com/package/oazapfts
 */
import * as Oazapfts from "@oazapfts/runtime";
import * as QS from "@oazapfts/runtime/query";
export const defaults: Oazapfts.Defaults<Oazapfts.CustomHeaders> = {
    headers: {},
    baseUrl: "https://portal.example/api/v1"
};
const oazapfts = Oazapfts.runtime(defaults);
export const servers = {
    server1: "https://portal.example/api/v1"
};
export type Domain = {
    domain: string;
    mailboxes: number;
};
export type Problem = {
    "type": string;
    title: string;
    status: number;
    code: string;
    reason?: string;
    detail: string;
    errors?: {
        field: string;
        detail: string;
    }[];
};
export type MailboxRow = {
    id: string;
    address: string;
    /** Name of the server in the configuration. */
    upstream: string;
    /** Login at that server; null: the address. */
    login: string | null;
    hasSecret: boolean;
    state: "active" | "disabled";
    createdAt: string;
    /** Until when the password of the real server is accepted too. */
    legacyPasswordUntil: string | null;
    devices: number;
    note: string | null;
    lastConnectionAt: string | null;
    sessions: number;
};
export type Sending = {
    maySend: boolean;
    /** Addresses, `*@domain`, or `own`; null: any. */
    senders: string[] | null;
    checkFrom: boolean;
    recipientsPerMessage: number | null;
    recipientsPerDay: number | null;
    sentToday: number;
};
export type Mailbox = {
    id: string;
    address: string;
    /** Name of the server in the configuration. */
    upstream: string;
    /** Login at that server; null: the address. */
    login: string | null;
    hasSecret: boolean;
    state: "active" | "disabled";
    createdAt: string;
    /** Until when the password of the real server is accepted too. */
    legacyPasswordUntil: string | null;
    devices: number;
    note: string | null;
    aliases: string[];
    sending: Sending | null;
};
export type DeviceRow = {
    id: string;
    mailbox: string;
    mailboxState: "active" | "disabled";
    name: string;
    state: "active" | "legacy" | "disabled" | "expired" | "revoked";
    scopes: ("imap" | "smtp")[];
    /** Login of the person it is linked to. */
    user: string | null;
    userState: ("active" | "blocked" | null) | ("active" | "blocked" | null);
    expiresAt: string | null;
    /** Live ones. */
    sessions: number;
    lastConnection: {
        at: string;
        ip: string;
        protocol: "imap" | "submission";
        app: string | null;
    } | null;
};
export type Device = {
    id: string;
    mailbox: string;
    mailboxState: "active" | "disabled";
    name: string;
    state: "active" | "legacy" | "disabled" | "expired" | "revoked";
    scopes: ("imap" | "smtp")[];
    /** Login of the person it is linked to. */
    user: string | null;
    userState: ("active" | "blocked" | null) | ("active" | "blocked" | null);
    expiresAt: string | null;
    /** Live ones. */
    sessions: number;
    /** Networks; none: everywhere. */
    allowFrom: string[];
    /** How its password was made. */
    password: "generated" | "chosen" | "imported" | "legacy";
    createdAt: string;
    passwordChangedAt: string;
    revokedAt: string | null;
    lastConnection: {
        at: string;
        ip: string;
        protocol: "imap" | "submission";
        app: string | null;
        tls: string | null;
        node: string;
    } | null;
    sending: Sending;
};
export type DeviceWithPassword = {
    device: Device;
    /** Shown in this one answer; null where an Idempotency-Key was repeated. */
    password: string | null;
    settings: {
        protocol: "imap" | "submission";
        server: string;
        port: number | null;
        security: "implicit" | "starttls";
        userName: string;
    }[];
};
export type DisconnectedDevice = {
    id: string;
    mailbox: string;
    mailboxState: "active" | "disabled";
    name: string;
    state: "active" | "legacy" | "disabled" | "expired" | "revoked";
    scopes: ("imap" | "smtp")[];
    /** Login of the person it is linked to. */
    user: string | null;
    userState: ("active" | "blocked" | null) | ("active" | "blocked" | null);
    expiresAt: string | null;
    /** Live ones. */
    sessions: number;
    /** Networks; none: everywhere. */
    allowFrom: string[];
    /** How its password was made. */
    password: "generated" | "chosen" | "imported" | "legacy";
    createdAt: string;
    passwordChangedAt: string;
    revokedAt: string | null;
    lastConnection: {
        at: string;
        ip: string;
        protocol: "imap" | "submission";
        app: string | null;
        tls: string | null;
        node: string;
    } | null;
    /** Live sessions that end. */
    ended: number;
};
export type Session = {
    id: string;
    node: string;
    device: string;
    mailbox: string | null;
    protocol: "imap" | "submission";
    ip: string;
    app: string | null;
    since: string;
    bytesIn: number;
    bytesOut: number;
};
export type Person = {
    login: string;
    name: string | null;
    state: "active" | "blocked";
    maySend: boolean;
    devices: number;
    createdAt: string;
    sending: Sending;
};
export type NewPerson = {
    person: Person;
    /** The link by which they choose their password, in this one answer; null: none, mailed, or repeated. */
    startUrl: string | null;
};
export type RightsAtMailbox = {
    mailbox: string;
    use: boolean;
    make: boolean;
    see: boolean;
    send: boolean;
    manage: boolean;
};
export type PersonWithRights = Person & {
    administrator: boolean;
    manages: string[];
    rights: RightsAtMailbox[];
};
export type Rights = {
    use: boolean;
    make: boolean;
    see: boolean;
    send: boolean;
    manage: boolean;
};
export type PersonAtMailbox = Rights & {
    user: string;
    name: string | null;
    state: "active" | "blocked";
};
export type Invitation = {
    id: string;
    /** For a new device, for the password of a device, for an account. */
    kind: "device" | "phone" | "start";
    state: "open" | "accepted" | "revoked" | "ended";
    mailbox: string | null;
    user: string | null;
    device: string | null;
    name: string | null;
    scopes: ("imap" | "smtp")[];
    expiresAt: string | null;
    allowFrom: string[];
    mailTo: string | null;
    madeBy: string;
    createdAt: string;
    endsAt: string;
    closedAt: string | null;
    openedAt: string | null;
    opened: number;
};
export type NewInvitation = {
    invitation: Invitation;
    /** The link, in this one answer; null: it is mailed, or the key was repeated. */
    url: string | null;
};
export type Activity = {
    /** The latest of so many attempts alike. */
    at: string;
    firstAt: string;
    count: number;
    /** As the app gave it. */
    mailbox: string;
    device: string | null;
    deviceName: string | null;
    /** `ok`, or why it was refused. */
    result: string;
    protocol: "imap" | "submission";
    ip: string;
    app: string | null;
};
export type Change = {
    id: number;
    at: string;
    actor: string;
    source: string;
    action: string;
    subject: string;
    subjectId: string | null;
    before: {
        [key: string]: any;
    } | {
        [key: string]: any;
    };
    after: {
        [key: string]: any;
    } | {
        [key: string]: any;
    };
};
export type Me = {
    login: string;
    token: {
        id: string;
        scopes: ("read" | "devices" | "passwords" | "people" | "mailboxes")[];
        domains: string[];
    };
    administrator: boolean;
    manages: string[];
    /** False: sending was taken from the person everywhere. */
    maySend: boolean;
    rights: RightsAtMailbox[];
};
export type Token = {
    id: string;
    name: string;
    /** By which a person knows it again. */
    beginning: string;
    user: string;
    scopes: ("read" | "devices" | "passwords" | "people" | "mailboxes")[];
    /** None: all that its owner may. */
    domains: string[];
    /** None: everywhere. */
    allowFrom: string[];
    createdAt: string;
    endsAt: string | null;
    usedAt: string | null;
    usedIp: string | null;
};
/**
 * Domains with their mailboxes, by name
 */
export function listDomains({ after, limit, q }: {
    after?: string;
    limit?: number;
    q?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Domain[];
            /** `after` of the next page; null: this was the last one. */
            next: string | null;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/domains${QS.query(QS.explode({
        after,
        limit,
        q
    }))}`, {
        ...opts
    });
}
/**
 * A domain, with counts
 */
export function getDomain(domain: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Domain;
    } | {
        status: number;
        data: Problem;
    }>(`/domains/${encodeURIComponent(domain)}`, {
        ...opts
    });
}
/**
 * Mailboxes, by address
 */
export function listMailboxes({ after, limit, q, domain, state }: {
    after?: string;
    limit?: number;
    q?: string;
    domain?: string;
    state?: "active" | "disabled";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: MailboxRow[];
            /** `after` of the next page; null: this was the last one. */
            next: string | null;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/mailboxes${QS.query(QS.explode({
        after,
        limit,
        q,
        domain,
        state
    }))}`, {
        ...opts
    });
}
/**
 * Add a mailbox; its login at the real server is tried first
 */
export function addMailbox(body: {
    address: string;
    upstream?: string;
    login?: string | null;
    trial?: boolean;
    /** The password of the mailbox at the real server. */
    secret?: string;
    note?: string | null;
    aliases?: string[];
    legacyPasswordUntil?: string | null;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: Mailbox;
    } | {
        status: number;
        data: Problem;
    }>("/mailboxes", oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey
        })
    }));
}
/**
 * A mailbox
 */
export function getMailbox(address: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Mailbox;
    } | {
        status: number;
        data: Problem;
    }>(`/mailboxes/${encodeURIComponent(address)}`, {
        ...opts
    });
}
/**
 * Change a mailbox; what is left out stays
 */
export function changeMailbox(address: string, body: {
    upstream?: string;
    login?: string | null;
    trial?: boolean;
    secret?: string;
    state?: "active" | "disabled";
    note?: string | null;
    /** All that it shall have. */
    aliases?: string[];
    legacyPasswordUntil?: string | null;
    sending?: {
        maySend?: boolean;
        senders?: string[] | null;
        checkFrom?: boolean;
        recipientsPerMessage?: number | null;
        recipientsPerDay?: number | null;
    };
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Mailbox;
    } | {
        status: number;
        data: Problem;
    }>(`/mailboxes/${encodeURIComponent(address)}`, oazapfts.json({
        ...opts,
        method: "PATCH",
        body
    }));
}
/**
 * Remove a mailbox with its devices; the mail at the real server stays
 */
export function removeMailbox(address: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            address: string;
            devices: number;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/mailboxes/${encodeURIComponent(address)}`, {
        ...opts,
        method: "DELETE"
    });
}
/**
 * Try the login at the real server, as it is stored
 */
export function verifyMailbox(address: string, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            address: string;
            verified: true;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/mailboxes/${encodeURIComponent(address)}/verify`, {
        ...opts,
        method: "POST",
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey
        })
    });
}
/**
 * Devices, by mailbox and name
 */
export function listDevices({ after, limit, q, user, state, connected }: {
    after?: string;
    limit?: number;
    q?: string;
    user?: string;
    state?: "active" | "disabled" | "revoked";
    connected?: "true" | "false";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: DeviceRow[];
            /** `after` of the next page; null: this was the last one. */
            next: string | null;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/devices${QS.query(QS.explode({
        after,
        limit,
        q,
        user,
        state,
        connected
    }))}`, {
        ...opts
    });
}
/**
 * Devices of a mailbox, by name
 */
export function listMailboxDevices(address: string, { after, limit, q, user, state, connected }: {
    after?: string;
    limit?: number;
    q?: string;
    user?: string;
    state?: "active" | "disabled" | "revoked";
    connected?: "true" | "false";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: DeviceRow[];
            /** `after` of the next page; null: this was the last one. */
            next: string | null;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/mailboxes/${encodeURIComponent(address)}/devices${QS.query(QS.explode({
        after,
        limit,
        q,
        user,
        state,
        connected
    }))}`, {
        ...opts
    });
}
/**
 * Add a device; its password is in this answer only
 */
export function addDevice(address: string, body: {
    name: string;
    /** Whose it is; nobody’s when left out. */
    user?: string | null;
    /** Both when left out. */
    scopes?: ("imap" | "smtp")[];
    expiresAt?: string | null;
    allowFrom?: string[];
    /** A chosen one; one is generated when left out. */
    password?: string;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: DeviceWithPassword;
    } | {
        status: number;
        data: Problem;
    }>(`/mailboxes/${encodeURIComponent(address)}/devices`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey
        })
    }));
}
/**
 * A device
 */
export function getDevice(id: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Device;
    } | {
        status: number;
        data: Problem;
    }>(`/devices/${encodeURIComponent(id)}`, {
        ...opts
    });
}
/**
 * Rename, pause, resume, or change the rules of a device; what is left out stays
 */
export function changeDevice(id: string, body: {
    name?: string;
    user?: string | null;
    scopes?: ("imap" | "smtp")[];
    expiresAt?: string | null;
    allowFrom?: string[];
    /** `disabled`: paused. */
    state?: "active" | "disabled";
    sending?: {
        maySend?: boolean;
        senders?: string[] | null;
        checkFrom?: boolean;
        recipientsPerMessage?: number | null;
        recipientsPerDay?: number | null;
    };
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Device;
    } | {
        status: number;
        data: Problem;
    }>(`/devices/${encodeURIComponent(id)}`, oazapfts.json({
        ...opts,
        method: "PATCH",
        body
    }));
}
/**
 * Disconnect a device, for good
 */
export function disconnectDevice(id: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: DisconnectedDevice;
    } | {
        status: number;
        data: Problem;
    }>(`/devices/${encodeURIComponent(id)}`, {
        ...opts,
        method: "DELETE"
    });
}
/**
 * Give a device another password, generated or chosen; it is in this answer only
 */
export function changeDevicePassword(id: string, body?: {
    /** A chosen one; one is generated when left out. */
    password?: string;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: DeviceWithPassword;
    } | {
        status: number;
        data: Problem;
    }>(`/devices/${encodeURIComponent(id)}/password`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey
        })
    }));
}
/**
 * An Apple profile of the device, with its password in it
 */
export function makeAppleProfile(id: string, body: {
    /** Of the device. */
    password: string;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: string;
    } | {
        status: number;
        data: Problem;
    }>(`/devices/${encodeURIComponent(id)}/profile`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey
        })
    }));
}
/**
 * The square that sets up Thunderbird on Android, with the password in it, as SVG
 */
export function makeThunderbirdSquare(id: string, body: {
    /** Of the device. */
    password: string;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: string;
    } | {
        status: number;
        data: Problem;
    }>(`/devices/${encodeURIComponent(id)}/qr`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey
        })
    }));
}
/**
 * Live sessions, the longest first
 */
export function listSessions({ after, limit, device, mailbox }: {
    after?: string;
    limit?: number;
    device?: string;
    mailbox?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Session[];
            /** `after` of the next page; null: this was the last one. */
            next: string | null;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/sessions${QS.query(QS.explode({
        after,
        limit,
        device,
        mailbox
    }))}`, {
        ...opts
    });
}
/**
 * A live session
 */
export function getSession(id: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Session;
    } | {
        status: number;
        data: Problem;
    }>(`/sessions/${encodeURIComponent(id)}`, {
        ...opts
    });
}
/**
 * End a session; the app may connect again
 */
export function endSession(id: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            sessions: number;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/sessions/${encodeURIComponent(id)}`, {
        ...opts,
        method: "DELETE"
    });
}
/**
 * People, by login
 */
export function listPeople({ after, limit, q, state, maySend }: {
    after?: string;
    limit?: number;
    q?: string;
    state?: "active" | "blocked";
    maySend?: "true" | "false";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Person[];
            /** `after` of the next page; null: this was the last one. */
            next: string | null;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/people${QS.query(QS.explode({
        after,
        limit,
        q,
        state,
        maySend
    }))}`, {
        ...opts
    });
}
/**
 * Make an account for a person, with rights
 */
export function addPerson(body: {
    login: string;
    name?: string | null;
    maySend?: boolean;
    administrator?: boolean;
    /** Domains. */
    manages?: string[];
    rights?: {
        mailbox: string;
        rights: {
            use?: boolean;
            make?: boolean;
            see?: boolean;
            send?: boolean;
            manage?: boolean;
        };
    }[];
    /** How they get in: not at all, by a link in the answer, by a mailed link. */
    start?: "none" | "link" | "mail";
    /** Where a mailed link goes. */
    mailTo?: string;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: NewPerson;
    } | {
        status: number;
        data: Problem;
    }>("/people", oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey
        })
    }));
}
/**
 * A person, with roles and rights
 */
export function getPerson(login: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: PersonWithRights;
    } | {
        status: number;
        data: Problem;
    }>(`/people/${encodeURIComponent(login)}`, {
        ...opts
    });
}
/**
 * Rename, block or let in again; what is left out stays
 */
export function changePerson(login: string, body: {
    name?: string | null;
    state?: "active" | "blocked";
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Person;
    } | {
        status: number;
        data: Problem;
    }>(`/people/${encodeURIComponent(login)}`, oazapfts.json({
        ...opts,
        method: "PATCH",
        body
    }));
}
/**
 * Remove a person
 */
export function removePerson(login: string, { unlink }: {
    unlink?: "true" | "false";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            login: string;
            unlinked: string[];
        };
    } | {
        status: number;
        data: Problem;
    }>(`/people/${encodeURIComponent(login)}${QS.query(QS.explode({
        unlink
    }))}`, {
        ...opts,
        method: "DELETE"
    });
}
/**
 * The rules by which a person sends, from all mailboxes
 */
export function getPersonSending(login: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Sending;
    } | {
        status: number;
        data: Problem;
    }>(`/people/${encodeURIComponent(login)}/sending`, {
        ...opts
    });
}
/**
 * Take sending away from a person everywhere, give it back, or limit it; what is left out stays
 */
export function changePersonSending(login: string, body: {
    maySend?: boolean;
    senders?: string[] | null;
    checkFrom?: boolean;
    recipientsPerMessage?: number | null;
    recipientsPerDay?: number | null;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Sending;
    } | {
        status: number;
        data: Problem;
    }>(`/people/${encodeURIComponent(login)}/sending`, oazapfts.json({
        ...opts,
        method: "PATCH",
        body
    }));
}
/**
 * Everybody with a right at a mailbox, by login
 */
export function listMailboxPeople(address: string, { after, limit }: {
    after?: string;
    limit?: number;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: PersonAtMailbox[];
            /** `after` of the next page; null: this was the last one. */
            next: string | null;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/mailboxes/${encodeURIComponent(address)}/people${QS.query(QS.explode({
        after,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * The rights of a person at a mailbox
 */
export function getRights(login: string, address: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: RightsAtMailbox;
    } | {
        status: number;
        data: Problem;
    }>(`/people/${encodeURIComponent(login)}/rights/${encodeURIComponent(address)}`, {
        ...opts
    });
}
/**
 * Give a person exactly these rights at a mailbox
 */
export function setRights(login: string, address: string, body: {
    use: boolean;
    make: boolean;
    see: boolean;
    send: boolean;
    manage: boolean;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: RightsAtMailbox;
    } | {
        status: number;
        data: Problem;
    }>(`/people/${encodeURIComponent(login)}/rights/${encodeURIComponent(address)}`, oazapfts.json({
        ...opts,
        method: "PUT",
        body
    }));
}
/**
 * Take every right at a mailbox from a person
 */
export function removeRights(login: string, address: string, { devices }: {
    devices?: "revoke" | "unlink";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            devices: string[];
        };
    } | {
        status: number;
        data: Problem;
    }>(`/people/${encodeURIComponent(login)}/rights/${encodeURIComponent(address)}${QS.query(QS.explode({
        devices
    }))}`, {
        ...opts,
        method: "DELETE"
    });
}
/**
 * Invitations, the newest first
 */
export function listInvitations({ after, limit, mailbox, user, state }: {
    after?: string;
    limit?: number;
    mailbox?: string;
    user?: string;
    state?: "open" | "accepted" | "revoked" | "ended";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Invitation[];
            /** `after` of the next page; null: this was the last one. */
            next: string | null;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/invitations${QS.query(QS.explode({
        after,
        limit,
        mailbox,
        user,
        state
    }))}`, {
        ...opts
    });
}
/**
 * Invite somebody to a mailbox; the link is in this answer only
 */
export function addInvitation(body: {
    /** Whoever accepts gets a device there. */
    mailbox: string;
    /** Who alone may accept it; whoever has the link when left out. */
    user?: string | null;
    name?: string | null;
    scopes?: ("imap" | "smtp")[];
    expiresAt?: string | null;
    allowFrom?: string[];
    rights?: {
        use?: boolean;
        make?: boolean;
        see?: boolean;
        send?: boolean;
        manage?: boolean;
    };
    mailTo?: string | null;
}, { idempotencyKey }: {
    idempotencyKey?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: NewInvitation;
    } | {
        status: number;
        data: Problem;
    }>("/invitations", oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey
        })
    }));
}
/**
 * An invitation; never its link
 */
export function getInvitation(id: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Invitation;
    } | {
        status: number;
        data: Problem;
    }>(`/invitations/${encodeURIComponent(id)}`, {
        ...opts
    });
}
/**
 * Take an invitation back
 */
export function revokeInvitation(id: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Invitation;
    } | {
        status: number;
        data: Problem;
    }>(`/invitations/${encodeURIComponent(id)}`, {
        ...opts,
        method: "DELETE"
    });
}
/**
 * Logins and refusals, the latest first
 */
export function listActivity({ after, limit, since, until, mailbox, device, result, network, ip, protocol }: {
    after?: string;
    limit?: number;
    since?: string;
    until?: string;
    mailbox?: string;
    device?: string;
    result?: string;
    network?: string;
    ip?: string;
    protocol?: "imap" | "submission";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Activity[];
            /** `after` of the next page; null: this was the last one. */
            next: string | null;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/activity${QS.query(QS.explode({
        after,
        limit,
        since,
        until,
        mailbox,
        device,
        result,
        network,
        ip,
        protocol
    }))}`, {
        ...opts
    });
}
/**
 * Who changed what, the latest first
 */
export function listChanges({ after, limit, since, until, mailbox, device, network, actor, action }: {
    after?: string;
    limit?: number;
    since?: string;
    until?: string;
    mailbox?: string;
    device?: string;
    network?: string;
    actor?: string;
    action?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Change[];
            /** `after` of the next page; null: this was the last one. */
            next: string | null;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/audit${QS.query(QS.explode({
        after,
        limit,
        since,
        until,
        mailbox,
        device,
        network,
        actor,
        action
    }))}`, {
        ...opts
    });
}
/**
 * Whose token this is, and what they may now
 */
export function getMe(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Me;
    } | {
        status: number;
        data: Problem;
    }>("/me", {
        ...opts
    });
}
/**
 * The tokens of whose token this is; never the tokens themselves
 */
export function listTokens({ after, limit }: {
    after?: string;
    limit?: number;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Token[];
            /** `after` of the next page; null: this was the last one. */
            next: string | null;
        };
    } | {
        status: number;
        data: Problem;
    }>(`/tokens${QS.query(QS.explode({
        after,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * Revoke a token, at once
 */
export function revokeToken(id: string, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Token;
    } | {
        status: number;
        data: Problem;
    }>(`/tokens/${encodeURIComponent(id)}`, {
        ...opts,
        method: "DELETE"
    });
}
