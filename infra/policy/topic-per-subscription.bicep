// Azure Policy: a system topic in every subscription of a management group. It is made, with Tether's event subscription,
// only where there is none; an existing one that does not tell Tether is reported as non-compliant and never written.
//
// Subscriptions that exist are not touched by the assignment itself. To onboard them, once Azure Policy has looked at them
// (half an hour; a management group's remediation cannot ask it to look anew: Azure/azure-powershell, issue 10891):
//
//   az policy remediation create --management-group <group> --name tether-topics --policy-assignment tether-topics
//
// (Learn, "Remediate non-compliant resources with Azure Policy"; for policies that deploy to a subscription, `--location`
// is not needed, the definition names it.)
targetScope = 'managementGroup'

@description('Region of the assignment\'s identity, of deployments and of the resource groups that are made')
param location string

@description('Id of the role definition onboard-subscriptions')
param onboardingRoleId string

@description('Id of the function that takes the events')
param functionId string

@description('Id of the storage account with the queue and the dead-letter container')
param storageAccountId string

@description('Where events go: function or queue')
param delivery string

@description('Resource group that is made for the topic in each subscription')
param resourceGroupName string

var events = loadJsonContent('../events.json')

// As text first: roleDefinitionIds takes no parameter of the policy.
var topicRule = json(replace(loadTextContent('topic-per-subscription.json'), '<onboarding role>', onboardingRoleId))
var auditRule = json(loadTextContent('delivery-audit.json'))

resource topicDefinition 'Microsoft.Authorization/policyDefinitions@2026-06-01' = {
  name: 'tether-topics'
  properties: {
    displayName: 'Subscriptions tell Tether of their changes'
    description: 'Makes a system topic for the subscription, with an event subscription to Tether, where there is no topic.'
    policyType: 'Custom'
    mode: topicRule.mode
    metadata: {
      category: 'Event Grid'
    }
    parameters: topicRule.parameters
    policyRule: topicRule.policyRule
  }
}

resource auditDefinition 'Microsoft.Authorization/policyDefinitions@2026-06-01' = {
  name: 'tether-delivery'
  properties: {
    displayName: 'A subscription\'s system topic delivers to Tether'
    description: 'Reports system topics of subscriptions without Tether\'s event subscription: run onboard-subscription.bicep there, with existingTopicId.'
    policyType: 'Custom'
    mode: auditRule.mode
    metadata: {
      category: 'Event Grid'
    }
    parameters: auditRule.parameters
    policyRule: auditRule.policyRule
  }
}

resource topicAssignment 'Microsoft.Authorization/policyAssignments@2026-06-01' = {
  name: 'tether-topics'
  location: location
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    displayName: 'Subscriptions tell Tether of their changes'
    policyDefinitionId: topicDefinition.id
    nonComplianceMessages: [
      {
        message: 'No system topic tells Tether of this subscription\'s changes. Remediate, or run infra/onboard-subscription.bicep there.'
      }
    ]
    parameters: {
      location: {
        value: location
      }
      resourceGroupName: {
        value: resourceGroupName
      }
      functionId: {
        value: functionId
      }
      storageAccountId: {
        value: storageAccountId
      }
      delivery: {
        value: delivery
      }
      eventTypes: {
        value: events.eventTypes
      }
      operations: {
        value: events.operations
      }
    }
  }
}

resource auditAssignment 'Microsoft.Authorization/policyAssignments@2026-06-01' = {
  name: 'tether-delivery'
  properties: {
    displayName: 'A subscription\'s system topic delivers to Tether'
    policyDefinitionId: auditDefinition.id
    nonComplianceMessages: [
      {
        message: 'This system topic has no event subscription to Tether: run infra/onboard-subscription.bicep with existingTopicId.'
      }
    ]
  }
}

// The identity makes resource groups, topics and event subscriptions below the management group.
resource onboardingRight 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(managementGroup().id, topicAssignment.name, onboardingRoleId)
  properties: {
    principalId: topicAssignment.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: onboardingRoleId
  }
}

output principalId string = topicAssignment.identity.principalId
