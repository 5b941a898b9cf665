export { waitFor } from '@holdfast/shared/fixtures/wait-for.ts';
