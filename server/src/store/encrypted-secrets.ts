/** How secrets lie in rows. */

/** Secret fields by name, each encrypted with its row and name as associated data. */
export type EncryptedSecrets = Readonly<Record<string, string>>;
